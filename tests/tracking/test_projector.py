from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format
from PIL import Image
from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

from vaerun.image.embedding import Embedding
from vaerun.tracking.projector import write


def config(directory: Path) -> ProjectorConfig:
    return text_format.Parse((directory / "projector_config.pbtxt").read_text(), ProjectorConfig())


def sprite(n: int, columns: int, height: int, width: int, colours: tuple[int, ...] = ()) -> np.ndarray:
    """n tiles; the number of each is its grey."""
    made = np.zeros((-(-n // columns) * height, columns * width, *colours), np.uint8)
    for i in range(n):
        row, column = divmod(i, columns)
        made[row * height : (row + 1) * height, column * width : (column + 1) * width] = i
    return made


def test_the_files_say_what_was_given(tmp_path: Path) -> None:
    points = np.random.default_rng(0).normal(size=(6, 4))
    write(tmp_path, Embedding("E_q[z]", points, {"index": np.arange(6), "elbo": np.linspace(-3e5, 0.1, 6)}))
    (embedding,) = config(tmp_path).embeddings
    assert embedding.tensor_name == "E_q[z]"
    np.testing.assert_allclose(np.loadtxt(tmp_path / embedding.tensor_path), points, rtol=1e-4)
    header, *rows = (tmp_path / embedding.metadata_path).read_text().splitlines()
    assert header == "index\telbo"
    assert [row.split("\t")[0] for row in rows] == ["0", "1", "2", "3", "4", "5"]
    np.testing.assert_allclose([float(row.split("\t")[1]) for row in rows], np.linspace(-3e5, 0.1, 6), rtol=1e-6)
    assert not embedding.sprite.image_path


def test_a_single_column_has_no_header(tmp_path: Path) -> None:
    write(tmp_path, Embedding("z", np.zeros((2, 2)), {"index": np.arange(2)}))
    assert (tmp_path / "projector" / "metadata.tsv").read_text() == "0\n1\n"


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_there_are_three_dimensions_at_least(tmp_path: Path, dimensions: int) -> None:
    points = np.array([[1.5, 2.0, 0.25], [-2.0, 0.5, 4.0]])[:, :dimensions]
    write(tmp_path, Embedding("z", points, {"index": np.arange(2)}))
    written = np.loadtxt(tmp_path / "projector" / "tensors.tsv")
    assert written[:, :dimensions].tolist() == points.tolist()
    assert written[:, dimensions:].tolist() == [[0.0] * (3 - dimensions)] * 2


@pytest.mark.parametrize("colours", [(), (3,)])
@pytest.mark.parametrize("n", [1, 4, 5, 7, 9])
def test_a_sprite_has_as_many_rows_as_columns_and_each_tile_at_its_place(
    tmp_path: Path, n: int, colours: tuple[int, ...]
) -> None:
    columns = int(np.ceil(np.sqrt(n)))
    given = Embedding("z", np.zeros((n, 2)), {"index": np.arange(n)}, sprite(n, columns, 3, 5, colours), (3, 5))
    write(tmp_path, given)
    (embedding,) = config(tmp_path).embeddings
    assert list(embedding.sprite.single_image_dim) == [5, 3], "width, then height"
    seen = np.asarray(Image.open(tmp_path / embedding.sprite.image_path))
    assert seen.shape == (columns * 3, columns * 5, *colours)
    for i in range(n):
        row, column = divmod(i, columns)
        assert (seen[row * 3 : (row + 1) * 3, column * 5 : (column + 1) * 5] == i).all()


def test_a_second_one_replaces_the_first(tmp_path: Path) -> None:
    write(tmp_path, Embedding("z", np.zeros((4, 2)), {"index": np.arange(4)}, sprite(4, 2, 3, 3), (3, 3)))
    write(tmp_path, Embedding("z", np.ones((2, 2)), {"index": np.arange(2)}))
    (embedding,) = config(tmp_path).embeddings
    assert len(np.loadtxt(tmp_path / embedding.tensor_path)) == 2
    assert not embedding.sprite.image_path

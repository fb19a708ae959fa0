"""data.hide of sources that read files: what is hidden, and that nothing learned depends on it."""

from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset

import vaerun
from tests.runs import train
from vaerun.data.base import Dataset
from vaerun.data.table import Table
from vaerun.data.torch_dataset import TorchDataset
from vaerun.errors import UserError

pandas = pytest.importorskip("pandas")
RNG = np.random.default_rng(0)
N = 100
TABLE = pandas.DataFrame(
    {
        "height": (170 + 10 * RNG.normal(size=N)).round(1),
        "income": np.exp(8 + 2 * RNG.normal(size=N)),
        "visits": RNG.permutation(N) % 4,
        "city": np.array(["Rome", "Bonn", "Oslo"])[RNG.permutation(N) % 3],
    }
)


def table(frame: Any = TABLE, **keys: Any) -> Dataset:
    return Table(path="t", **keys).tabulate(frame)


def rows(data: Dataset) -> tuple[torch.Tensor, torch.Tensor]:
    """All stored points, and their rows in the source."""
    parts = (data.train, data.valid, data.test)
    return torch.cat([part.x for part in parts]), torch.cat([part.source_rows for part in parts])


def test_a_table_hides_values_and_keeps_the_others():
    (truth, _), (found, _) = rows(table()), rows(table(hide=0.4))
    missing = found.isnan()
    assert float(missing.float().mean()) == pytest.approx(0.4, abs=0.08)
    assert torch.equal(found[~missing], truth[~missing])
    data = table(hide=0.4)
    assert data.missing
    assert data.values.endswith("% of the values missing")
    assert [column.missing for column in data.columns] == missing.sum(0).tolist()
    assert not torch.equal(rows(table(hide=0.4, hide_seed=1))[0].isnan(), missing)


@pytest.mark.parametrize("keys", [{}, {"dequantise": True}])
def test_nothing_learned_from_a_table_depends_on_hidden_values(keys):
    data = table(hide=0.4, **keys)
    x, source = rows(data)
    other = TABLE.copy()
    for j, name in enumerate(other.columns):
        hidden = source[x[:, j].isnan()].numpy()
        shuffled = TABLE[name].to_numpy().copy()
        # Other values of the same type; a finer grid, and larger numbers in real and positive columns.
        shuffled[hidden] = np.roll(shuffled[hidden], 1) if j > 1 else 1.37 * shuffled[hidden] + 0.003
        other[name] = shuffled
    moved = table(other, hide=0.4, **keys)
    assert moved.columns == data.columns
    assert moved.sha256 == data.sha256


def test_a_column_hidden_in_every_training_point_is_named():
    few = TABLE.iloc[:12]
    with pytest.raises(UserError, match=r"training point, but the column '\w+' of table is observed in none"):
        table(few, hide=0.95)
    words = ["train"] * 80 + ["valid"] * 10 + ["test"] * 10
    frame = TABLE.assign(height=TABLE["height"].where(TABLE.index >= 80), part=words)
    with pytest.raises(UserError, match="the column 'height' of table is observed in none of 80"):
        table(frame, split="part")


X = RNG.normal(size=(60, 5)).astype(np.float32)


@pytest.mark.parametrize(("marker", "value"), [("nan", np.nan), (-999, -999.0), (-999.0, -999.0)])
def test_a_torch_data_set_marks_and_hides_values(marker, value):
    holes = RNG.random(X.shape) < 0.2
    dataset = TensorDataset(torch.from_numpy(np.where(holes, np.float32(value), X)))
    data = TorchDataset(dataset=dataset, missing=marker).load()
    found, source = rows(data)
    assert torch.equal(found.isnan(), torch.from_numpy(holes)[source])
    assert torch.equal(found[~found.isnan()], torch.from_numpy(X)[source][~found.isnan()])
    assert data.missing
    more = rows(TorchDataset(dataset=dataset, missing=marker, hide=0.5).load())[0].isnan()
    assert bool((more >= found.isnan()).all())
    assert float(more.float().mean()) == pytest.approx(0.6, abs=0.1)
    if value != value:
        with pytest.raises(UserError, match=r"use data\.missing=nan if nan stands for a missing value"):
            TorchDataset(dataset=dataset).load()


def test_counts_of_an_h5ad_file_are_hidden(tmp_path):
    anndata = pytest.importorskip("anndata")
    from vaerun.data.anndata import AnnData

    anndata.AnnData(RNG.poisson(3, (50, 6)).astype(np.float32)).write_h5ad(tmp_path / "c.h5ad")
    truth, data = (AnnData(path=str(tmp_path / "c.h5ad"), hide=share).load() for share in (0.0, 0.5))
    missing = rows(data)[0].isnan()
    assert (data.support, data.missing) == ("count", True)
    assert float(missing.float().mean()) == pytest.approx(0.5, abs=0.1)
    assert torch.equal(rows(data)[0][~missing], rows(truth)[0].float()[~missing])


def test_pixels_of_images_are_hidden(tmp_path):
    image = pytest.importorskip("PIL.Image")
    from vaerun.data.images import Images

    for number in range(20):
        image.fromarray(RNG.integers(0, 256, (4, 4), dtype=np.uint8)).save(tmp_path / f"{number}.png")
    truth, data = (Images(path=str(tmp_path), hide=share).load() for share in (0.0, 0.5))
    points, known = data.train.points(), truth.train.points()
    assert 0.3 < float(points.isnan().float().mean()) < 0.7
    assert torch.equal(points[~points.isnan()], known[~points.isnan()])


def test_new_points_of_data_with_hidden_values_may_have_holes(tmp_path):
    train(tmp_path / "run", "data=linear_gaussian", "model/likelihood=gaussian", "data.hide=0.5", "trainer.epochs=1")
    run = vaerun.load(tmp_path / "run")
    x = run.data.test.points()[:3]
    np.save(tmp_path / "new.npy", x.numpy())
    assert torch.equal(run.read(tmp_path / "new.npy").new.points().nan_to_num(-1), x.nan_to_num(-1))

"""The files of TensorBoard's projector: points in a space of any dimension, what is known of each, and its picture."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from vaerun.image.embedding import Embedding
from vaerun.image.grid import png_bytes, save

FOLDER = "projector"
CONFIG = "projector_config.pbtxt"  # TensorBoard looks for this name beside the event files, and reads nothing outside


def write(directory: Path, embedding: Embedding) -> None:
    """Puts the embedding into a run directory, in place of the one before; each file is whole at every moment."""
    folder = directory / FOLDER
    folder.mkdir(exist_ok=True)
    save(folder / "tensors.tsv", _rows(embedding.points))
    save(folder / "metadata.tsv", _table(embedding.columns))
    lines = [
        f'tensor_name: "{embedding.name}"',
        f'tensor_path: "{FOLDER}/tensors.tsv"',
        f'metadata_path: "{FOLDER}/metadata.tsv"',
    ]
    if embedding.sprite is not None:
        height, width = embedding.tile
        save(folder / "sprite.png", png_bytes(_square(embedding.sprite, height, width)))
        dimensions = f"single_image_dim: {width} single_image_dim: {height}"
        lines.append(f'sprite {{ image_path: "{FOLDER}/sprite.png" {dimensions} }}')
    save(directory / CONFIG, "\n".join(["embeddings {", *(f"  {line}" for line in lines), "}\n"]).encode())


def _square(sprite: np.ndarray, height: int, width: int) -> np.ndarray:
    """The sprite with as many rows of tiles as columns: of any other, the projector shows points the wrong tiles."""
    missing = sprite.shape[1] // width - sprite.shape[0] // height
    return np.pad(sprite, ((0, missing * height), (0, 0), *[(0, 0)] * (sprite.ndim - 2)))


def _rows(points: np.ndarray) -> bytes:
    """A line for each point. Those of one or two dimensions get zeros as others: of less than three it draws none."""
    padded = np.pad(points, ((0, 0), (0, max(0, 3 - points.shape[1]))))
    return "".join("\t".join(f"{value:.5g}" for value in row) + "\n" for row in padded.tolist()).encode()


def _table(columns: Mapping[str, np.ndarray]) -> bytes:
    """A line of names and one for each point; a single column has no line of names, as the projector wants it."""
    rows = ["\t".join(f"{value:.7g}" for value in row) for row in zip(*columns.values(), strict=True)]
    header = ["\t".join(columns)] if len(columns) > 1 else []
    return "".join(f"{row}\n" for row in [*header, *rows]).encode()

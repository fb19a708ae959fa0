"""The files of TensorBoard's projector: points of any dimension, with metadata and an image of each."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from vaerun.image.embedding import Embedding
from vaerun.image.embedding_files import FOLDER, METADATA, TENSORS
from vaerun.image.grid import png_bytes, save
from vaerun.system import files

CONFIG = "projector_config.pbtxt"  # the name that TensorBoard looks for beside the event files


def write(directory: Path, embedding: Embedding) -> None:
    """Writes the embedding into a run directory, replacing an earlier one. No file is ever half-written."""
    folder = files.folder(directory / FOLDER)
    save(folder / TENSORS, _rows(embedding.points))
    save(folder / METADATA, _table(embedding.columns))
    lines = [
        f'tensor_name: "{embedding.name}"',
        f'tensor_path: "{FOLDER}/{TENSORS}"',
        f'metadata_path: "{FOLDER}/{METADATA}"',
    ]
    if embedding.sprite is not None:
        height, width = embedding.tile
        save(folder / "sprite.png", png_bytes(_square(embedding.sprite, height, width)))
        dimensions = f"single_image_dim: {width} single_image_dim: {height}"
        lines.append(f'sprite {{ image_path: "{FOLDER}/sprite.png" {dimensions} }}')
    save(directory / CONFIG, "\n".join(["embeddings {", *(f"  {line}" for line in lines), "}\n"]).encode())


def _square(sprite: np.ndarray, height: int, width: int) -> np.ndarray:
    """The sprite padded to as many rows as columns of tiles, because the projector assumes a square sprite."""
    missing = sprite.shape[1] // width - sprite.shape[0] // height
    return np.pad(sprite, ((0, missing * height), (0, 0), *[(0, 0)] * (sprite.ndim - 2)))


def _rows(points: np.ndarray) -> bytes:
    """A line for each point. Fewer than three dimensions are padded with zeros, because the projector needs three."""
    padded = np.pad(points, ((0, 0), (0, max(0, 3 - points.shape[1]))))
    return "".join("\t".join(f"{value:.5g}" for value in row) + "\n" for row in padded.tolist()).encode()


def _table(columns: Mapping[str, np.ndarray]) -> bytes:
    """A header and a line for each point; the projector expects no header above a single column."""
    rows = ["\t".join(map(_text, row)) for row in zip(*columns.values(), strict=True)]
    header = ["\t".join(columns)] if len(columns) > 1 else []
    return "".join(f"{row}\n" for row in [*header, *rows]).encode()


def _text(value: object) -> str:
    """A number, or a text without the characters that end a column or a line."""
    return " ".join(str(value).split()) if isinstance(value, str) else f"{value:.7g}"

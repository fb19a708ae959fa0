"""[N, X] ↦ image: a grid of tiles, and PNG files."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from vaerun.system.whole_file import replacing

TILE = 28  # smallest length in pixels of the shorter side of a tile
GREY = 128  # the colour between the tiles


def grid(images: np.ndarray, shape: Sequence[int], *, columns: int, low: float = 0.0, high: float = 1.0) -> np.ndarray:
    """The images row by row in ``columns`` columns: uint8 [rows·(h+1)+1, columns·(w+1)+1] or that with 3 colours.

    Each pixel is enlarged to a square so that the shorter side of a tile has at least 28 pixels. One grey pixel
    separates the tiles and surrounds them, and places without an image are grey.

    Args:
        images: numbers [N, X]; values outside [low, high] are clipped, and nan, a missing value, is grey.
        shape: of one image, (H, W) or (H, W, 3) with product X.
        columns: images in a row; fewer if there are fewer images.
        low: the value shown as black.
        high: the value shown as white.

    Raises:
        ValueError: there is no image, or X is not the product of ``shape``.
    """
    places = [divmod(i, columns) for i in range(len(images))]
    return _paint(_tiles(images, shape, low, high), places)


def pairs(
    originals: np.ndarray,
    reconstructions: np.ndarray,
    shape: Sequence[int],
    *,
    columns: int,
    low: float = 0.0,
    high: float = 1.0,
) -> np.ndarray:
    """A grid whose 1st, 3rd, … rows are originals, each with its reconstruction below it; otherwise as ``grid``.

    Raises:
        ValueError: as ``grid``, or there are not as many reconstructions as originals.
    """
    if len(originals) != len(reconstructions):
        raise ValueError(f"{len(originals)} originals have {len(reconstructions)} reconstructions")
    above = [(2 * (i // columns), i % columns) for i in range(len(originals))]
    below = [(row + 1, column) for row, column in above]
    return _paint(_tiles(np.concatenate([originals, reconstructions]), shape, low, high), above + below)


def png_bytes(picture: np.ndarray) -> bytes:
    """The PNG file of an image, uint8 [H, W] or [H, W, 3]."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG")
    return buffer.getvalue()


def save_png(path: Path, picture: np.ndarray) -> None:
    """Writes the PNG file of an image, as ``save`` does."""
    save(path, png_bytes(picture))


def save(path: Path, content: bytes) -> None:
    """Writes a file and renames it, so that ``path`` always holds a complete file, the old one or the new one."""
    with replacing(path) as file:
        file.write(content)


def _tiles(images: np.ndarray, shape: Sequence[int], low: float, high: float) -> np.ndarray:
    """uint8 [N, h, w] or [N, h, w, 3], every pixel enlarged."""
    if not len(images):
        raise ValueError("an image of no images")
    unit = np.clip(np.nan_to_num((np.asarray(images, np.float64) - low) / (high - low), nan=0.5), 0.0, 1.0)
    pixels = np.rint(255 * unit).astype(np.uint8).reshape(len(images), *shape)
    factor = -(-TILE // min(shape[:2]))
    return pixels.repeat(factor, axis=1).repeat(factor, axis=2)


def _paint(tiles: np.ndarray, places: Sequence[tuple[int, int]]) -> np.ndarray:
    """The tiles at their places (row, column) on a grey background."""
    _, height, width, *colours = tiles.shape
    rows, columns = (1 + max(place) for place in zip(*places, strict=True))
    picture = np.full((rows * (height + 1) + 1, columns * (width + 1) + 1, *colours), GREY, np.uint8)
    for tile, (row, column) in zip(tiles, places, strict=True):
        top, left = 1 + row * (height + 1), 1 + column * (width + 1)
        picture[top : top + height, left : left + width] = tile
    return picture

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vaerun.image.grid import GREY, grid, pairs, png_bytes, save_png


def tile(picture: np.ndarray, row: int, column: int, size: int) -> np.ndarray:
    top, left = 1 + row * (size + 1), 1 + column * (size + 1)
    return picture[top : top + size, left : left + size]


def test_small_digits_are_blown_up_to_whole_squares() -> None:
    image = np.random.default_rng(0).random((1, 64))
    picture = grid(image, (8, 8), columns=4)
    assert picture.dtype == np.uint8
    assert picture.shape == (34, 34)
    inner = picture[1:-1, 1:-1]
    expected = np.rint(255 * image[0].reshape(8, 8)).astype(np.uint8)
    for i in range(4):
        for j in range(4):
            np.testing.assert_array_equal(inner[i::4, j::4], expected)


@pytest.mark.parametrize(("shape", "size"), [((28, 28), (28, 28)), ((40, 30), (40, 30)), ((10, 6), (50, 30))])
def test_tiles_have_at_least_28_pixels(shape: tuple[int, int], size: tuple[int, int]) -> None:
    picture = grid(np.zeros((3, shape[0] * shape[1])), shape, columns=2)
    assert picture.shape == (2 * (size[0] + 1) + 1, 2 * (size[1] + 1) + 1)


def test_tiles_stand_row_by_row_between_grey_lines() -> None:
    values = np.array([0.0, 0.2, 0.4, 0.6, 0.8])
    picture = grid(np.repeat(values[:, None], 28 * 28, axis=1), (28, 28), columns=3)
    assert picture.shape == (2 * 29 + 1, 3 * 29 + 1)
    for i, value in enumerate(values):
        assert (tile(picture, *divmod(i, 3), 28) == round(255 * value)).all()
    assert (tile(picture, 1, 2, 28) == GREY).all()
    assert (picture[[0, 29, 58]] == GREY).all()
    assert (picture[:, [0, 29, 58, 87]] == GREY).all()


def test_values_are_clipped_and_rescaled() -> None:
    image = np.full((1, 28 * 28), 0.5)
    image[0, :4] = [-3.0, 7.0, np.nan, np.inf]
    assert grid(image, (28, 28), columns=1)[1, 1:6].tolist() == [0, 255, 128, 255, 128]  # nan is grey
    image[0, :5] = [-3.0, 7.0, 2.0, 100.0, -np.inf]
    assert grid(image, (28, 28), columns=1, low=-3.0, high=7.0)[1, 1:6].tolist() == [0, 255, 128, 255, 0]


def test_colours_are_kept() -> None:
    image = np.zeros((1, 4, 4, 3))
    image[0, ..., 1] = 1.0
    picture = grid(image.reshape(1, -1), (4, 4, 3), columns=1)
    assert picture.shape == (30, 30, 3)
    assert picture[5, 5].tolist() == [0, 255, 0]
    assert picture[0, 0].tolist() == [GREY] * 3


def test_the_images_are_left_alone() -> None:
    images = np.linspace(-1, 2, 64)[None].astype(np.float32)
    before = images.copy()
    grid(images, (8, 8), columns=1)
    np.testing.assert_array_equal(images, before)


def test_a_reconstruction_stands_below_its_original() -> None:
    values = np.array([0.2, 0.4, 0.6])
    originals = np.repeat(values[:, None], 28 * 28, axis=1)
    picture = pairs(originals, originals + 0.1, (28, 28), columns=2)
    assert picture.shape == (4 * 29 + 1, 2 * 29 + 1)
    for i, value in enumerate(values):
        block, column = divmod(i, 2)
        assert (tile(picture, 2 * block, column, 28) == np.rint(255 * value)).all()
        assert (tile(picture, 2 * block + 1, column, 28) == np.rint(255 * (value + 0.1))).all()
    assert (tile(picture, 2, 1, 28) == GREY).all()
    assert (tile(picture, 3, 1, 28) == GREY).all()


def test_what_makes_no_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="no images"):
        grid(np.zeros((0, 64)), (8, 8), columns=4)
    with pytest.raises(ValueError, match="reshape"):
        grid(np.zeros((2, 60)), (8, 8), columns=4)
    with pytest.raises(ValueError, match="2 originals have 3"):
        pairs(np.zeros((2, 64)), np.zeros((3, 64)), (8, 8), columns=4)


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3)])
def test_a_png_holds_every_pixel(tmp_path: Path, shape: tuple[int, ...]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(png_bytes(picture)))), picture)
    path = tmp_path / "samples.png"
    save_png(path, np.zeros((3, 3), np.uint8))
    save_png(path, picture)
    with Image.open(path) as image:
        assert image.format == "PNG"
        np.testing.assert_array_equal(np.asarray(image), picture)
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_picture_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "samples.png"
    save_png(path, np.zeros((3, 3), np.uint8))
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="disk full"):
        save_png(path, np.ones((3, 3), np.uint8))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]

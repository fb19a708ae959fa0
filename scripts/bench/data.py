"""Binary data of the shape of MNIST or of colour images: ten blurred prototypes, and pixels turned over."""

from pathlib import Path

import numpy as np

PROTOTYPES, HELD_OUT = 10, 1000


def write(folder: Path, points: int, image: tuple[int, ...] = ()) -> Path:
    """A folder with train.npy, for the peers, and data.npz, the same with two small splits, for vaerun."""
    here = folder / "x".join(map(str, (points, *image)))
    if not (here / "data.npz").exists():
        here.mkdir(parents=True, exist_ok=True)
        rows = draw(points + 2 * HELD_OUT, image or (28, 28), seed=0)
        np.save(here / "train.npy", rows[:points])
        rows = rows.reshape(-1, *image) if image else rows
        train, valid, test = np.split(rows, [points, points + HELD_OUT])
        np.savez(here / "data.npz", train=train, valid=valid, test=test)
    return here


def write_mapped(folder: Path, points: int, part: int = 10**6) -> Path:
    """A folder with train.npy, valid.npy and test.npy, written a part at a time: they may be larger than memory.

    Every part has prototypes of its own.
    """
    here = folder / f"{points} mapped"
    if not here.exists():
        here.mkdir(parents=True)
        for index, (name, rows) in enumerate((("train", points), ("valid", HELD_OUT), ("test", HELD_OUT))):
            file = np.lib.format.open_memmap(here / f"{name}.npy", "w+", np.uint8, (rows, 784))
            for start in range(0, rows, part):
                seed = 3 * start // part + index
                file[start : start + part] = draw(min(part, rows - start), (28, 28), seed)
            file.flush()
    return here


def draw(points: int, image: tuple[int, ...], seed: int) -> np.ndarray:
    """uint8 [points, X] of zeros and ones, a fifth of them ones.

    Args:
        points: how many.
        image: (H, W) or (H, W, C) with the product X, a multiple of 8.
        seed: of all of them.
    """
    rng = np.random.default_rng(seed)
    height, width, channels = (*image, 1)[:3]
    noise = np.fft.rfft2(rng.standard_normal((PROTOTYPES, channels, height, width)))
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    smooth = np.fft.irfft2(noise * np.exp(-((8 * frequency) ** 2)), s=(height, width))
    smooth = np.moveaxis(smooth, 1, -1).reshape(PROTOTYPES, -1)
    prototypes = (smooth > np.quantile(smooth, 0.82, axis=1, keepdims=True)).astype(np.uint8)
    rows = prototypes[rng.integers(PROTOTYPES, size=points)]
    # Each bit of the product of four fair ones is on with probability 1/16.
    turned = rng.integers(256, size=(points, smooth.shape[1] // 8), dtype=np.uint8)
    for _ in range(3):
        turned &= rng.integers(256, size=turned.shape, dtype=np.uint8)
    return rows ^ np.unpackbits(turned, axis=1)

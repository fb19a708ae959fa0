"""Binary data of the shape of MNIST: ten blurred prototypes, and pixels turned over."""

from pathlib import Path

import numpy as np

from bench.case import PIXELS

SIDE, PROTOTYPES, HELD_OUT = 28, 10, 1000


def write(folder: Path, points: int) -> Path:
    """A folder with train.npy, for the peers, and data.npz, the same with two small splits, for vaerun."""
    here = folder / f"points{points}"
    if not (here / "data.npz").exists():
        here.mkdir(parents=True, exist_ok=True)
        rows = draw(points + 2 * HELD_OUT, seed=0)
        train, valid, test = np.split(rows, [points, points + HELD_OUT])
        np.save(here / "train.npy", train)
        np.savez(here / "data.npz", train=train, valid=valid, test=test)
    return here


def draw(points: int, seed: int) -> np.ndarray:
    """uint8 [points, 784] of zeros and ones, a fifth of them ones."""
    rng = np.random.default_rng(seed)
    noise = np.fft.rfft2(rng.standard_normal((PROTOTYPES, SIDE, SIDE)))
    frequency = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None])
    smooth = np.fft.irfft2(noise * np.exp(-((8 * frequency) ** 2)), s=(SIDE, SIDE)).reshape(PROTOTYPES, PIXELS)
    prototypes = (smooth > np.quantile(smooth, 0.82, axis=1, keepdims=True)).astype(np.uint8)
    rows = prototypes[rng.integers(PROTOTYPES, size=points)]
    # Each bit of the product of four fair ones is on with probability 1/16.
    turned = rng.integers(256, size=(points, PIXELS // 8), dtype=np.uint8)
    for _ in range(3):
        turned &= rng.integers(256, size=turned.shape, dtype=np.uint8)
    return rows ^ np.unpackbits(turned, axis=1)

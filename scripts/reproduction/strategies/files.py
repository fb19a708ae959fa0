"""The four data sets as files that ``data=arrays`` reads: subsets of MNIST and Fashion-MNIST, counts, and a table."""

from pathlib import Path

import numpy as np

from vaerun.data.base import Source, Split
from vaerun.data.fashion_mnist import FashionMnist
from vaerun.data.mnist import Mnist

TRAIN, VALID, TEST = 1000, 100, 200
TABLE_TRAIN = 343  # of the 569 rows of the table, after its split into train, valid and test
COLUMNS, LATENTS, KINDS = 60, 5, 4


def write(folder: Path, root: Path | None) -> None:
    """Writes the files that are not there yet.

    Args:
        folder: where they go.
        root: the folder with MNIST and Fashion-MNIST; None for $VAERUN_DATA or a download.

    Raises:
        UserError: the images are not there and cannot be downloaded.
    """
    folder.mkdir(parents=True, exist_ok=True)
    where = None if root is None else str(root)
    for name, source in (("mnist", Mnist), ("fashion_mnist", FashionMnist)):
        if not (folder / f"{name}.npz").exists():
            np.savez_compressed(folder / f"{name}.npz", **images(source(root=where, binarize="none")))
    if not (folder / "counts.npz").exists():
        np.savez_compressed(folder / "counts.npz", **counts())
    if not (folder / "missing.npy").exists():
        np.save(folder / "missing.npy", table())


def images(source: Source) -> dict[str, np.ndarray]:
    """The first points of each split, each 2 × 2 pixels of a 28 × 28 image averaged to one of 14 × 14."""
    data = source.load()
    parts: tuple[tuple[str, Split, int], ...] = (
        ("train", data.train, TRAIN),
        ("valid", data.valid, VALID),
        ("test", data.test, TEST),
    )
    return {name: halved(split.x[:n].numpy()) for name, split, n in parts}


def halved(x: np.ndarray) -> np.ndarray:
    """28 × 28 grey values from 0 to 255 ↦ 14 × 14 of them."""
    return np.asarray(x.reshape(-1, 14, 2, 14, 2).mean((2, 4))).round().astype(np.uint8)


def counts() -> dict[str, np.ndarray]:
    """Simulated cells of four types, as in docs/counts.md, with 60 counts each: negative binomial given 5 latents."""
    rng = np.random.default_rng(0)
    n = TRAIN + VALID + TEST
    kind = rng.integers(KINDS, size=n)
    z = 1.5 * rng.normal(size=(KINDS, LATENTS))[kind] + 0.5 * rng.normal(size=(n, LATENTS))
    share = np.exp(z @ (0.6 * rng.normal(size=(LATENTS, COLUMNS))) + rng.normal(size=COLUMNS))
    total = rng.lognormal(6, 0.4, size=(n, 1))
    x = rng.poisson(rng.gamma(2, share / share.sum(1, keepdims=True) * total / 2)).astype(np.float32)
    train, valid, test = np.split(x, [TRAIN, TRAIN + VALID])
    return {"train": train, "valid": valid, "test": test}


def table() -> np.ndarray:
    """The 30 measurements of 569 tumours of scikit-learn, each divided by its standard deviation."""
    from sklearn.datasets import load_breast_cancer

    x = load_breast_cancer().data
    return np.asarray(x / x.std(0)).astype(np.float32)

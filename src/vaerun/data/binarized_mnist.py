"""The statically binarised MNIST of the literature."""

import contextlib
import hashlib
from functools import partial
from pathlib import Path
from typing import ClassVar, final

import numpy as np
import torch

from vaerun.data import npz
from vaerun.data.assemble import assemble
from vaerun.data.base import Dataset, Source
from vaerun.data.binarize import binarization
from vaerun.data.data_file import DamagedFileError, data_file
from vaerun.data.download import download
from vaerun.data.folder import data_folder, find, store
from vaerun.data.hide import Hide

MIRRORS = ("http://www.cs.toronto.edu/~larocheh/public/datasets/binarized_mnist/",)
REMEDY = "delete it, and it is downloaded again"
LONGEST_VALUE = 4
"""Bytes of a digit and the white space after it in an amat text; the published files have 2."""
ARCHIVE = "binarized_mnist.npz"
SIZES = {"train": 50_000, "valid": 10_000, "test": 10_000}
SHA256 = {
    "train": "43490d4d6ac9002727af4426d8748609fdb7e4094fa65ad8d681ea60082a7a5a",
    "valid": "069b4f0beb389b776478c3e872b4df71c95ac4be64d7cbe6d32e24ebac8e6d5e",
    "test": "ca0294c3b8d984c7a1dc891015a8eea6f37bae59a34e35ea0fc8c47110a8dd86",
}


@final
class BinarizedMnist(Source):
    """MNIST drawn once to {0, 1} by Larochelle and Murray: 50,000 train, 10,000 valid, 10,000 test.

    It is read from binarized_mnist.npz (uint8 arrays train, valid and test of 784 values each), or made from
    binarized_mnist_{train,valid,test}.amat, which are downloaded if missing, and stored as that npz. The hash of each
    split must be the published one. The test points are sorted by class, so the first ones are not a random sample.

    Args:
        root: folder with the npz or the three amat files; null for $VAERUN_DATA or a cache.
        binarize: none; static and threshold have no effect, dynamic is refused.
        binarize_seed: has no effect.
        hide: fraction of the values that are hidden, missing completely at random (``data.hide.Hide``).
        hide_seed: of the hidden places.

    Raises:
        UserError: a value is out of range; in ``load``, a file is missing, damaged or not the published one.

    Reference: Larochelle & Murray 2011, The Neural Autoregressive Distribution Estimator.
    """

    ignores: ClassVar[tuple[str, ...]] = ("data.binarize", "data.binarize_seed")

    def __init__(
        self,
        *,
        root: str | None = None,
        binarize: str = "none",
        binarize_seed: int = 0,
        hide: float = 0.0,
        hide_seed: int = 0,
    ) -> None:
        self.root = root
        self.choice = binarization(binarize, seed=binarize_seed)
        self.hide = Hide(fraction=hide, seed=hide_seed)

    def load(self) -> Dataset:
        folder = data_folder(self.root)
        path = find(folder, ARCHIVE)
        images = _from_amat(folder) if path is None else _from_npz(path)
        train, valid, test = (torch.from_numpy(images[split]) for split in SIZES)
        data = assemble("binarized_mnist", (train, valid, test), shape=(28, 28), scale=1.0, choice=self.choice)
        return self.hide(data)


def _from_npz(path: Path) -> dict[str, np.ndarray]:
    with data_file(path, remedy=REMEDY) as file:
        arrays = npz.read(file, lambda names: [split for split in SIZES if split in names])
        return {split: _checked(arrays.get(split), split) for split in SIZES}


def _from_amat(folder: Path) -> dict[str, np.ndarray]:
    images = {}
    for split in SIZES:
        name = f"binarized_mnist_{split}.amat"
        path = find(folder, name) or folder / name
        if not path.exists():
            download(path, MIRRORS, check=partial(_parse, split=split))
        with data_file(path, remedy=REMEDY) as file:
            largest = LONGEST_VALUE * SIZES[split] * 784
            if file.size > largest:
                raise DamagedFileError(f"it has {file.size:,} bytes, and the published one has fewer than {largest:,}")
            images[split] = _parse(file.stream.read(largest), split=split)
    # The folder may be read-only; then the text is parsed again next time.
    with contextlib.suppress(OSError):
        store(folder / ARCHIVE, npz.pack(images))
    return images


def _parse(content: bytes, *, split: str) -> np.ndarray:
    """The digits 0 and 1 of an .amat text, with any white space between them."""
    values = np.frombuffer(content, np.uint8) - np.uint8(ord("0"))
    kept = values[values <= 1]
    if kept.size != SIZES[split] * 784:
        raise DamagedFileError(f"it holds {kept.size} digits 0 and 1 instead of {SIZES[split]} x 784")
    return _checked(kept.reshape(-1, 784), split)


def _checked(array: np.ndarray | None, split: str) -> np.ndarray:
    if array is None:
        raise DamagedFileError(f"it has no array {split!r}")
    if array.dtype != np.uint8 or array.size != SIZES[split] * 784 or len(array) != SIZES[split]:
        raise DamagedFileError(f"its {split!r} is {array.dtype} {array.shape} instead of uint8 ({SIZES[split]}, 784)")
    rows = np.ascontiguousarray(array.reshape(-1, 784))
    if (found := hashlib.sha256(rows.data).hexdigest()) != SHA256[split]:
        raise DamagedFileError(f"its {split!r} is not the published one (sha256 {found}, expected {SHA256[split]})")
    return rows

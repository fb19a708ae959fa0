"""Published sets of 28x28 grey images in IDX files: 60,000 to train and validate on, and 10,000 to test."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import final

import numpy as np
import torch

from vaerun.data import idx
from vaerun.data.assemble import assemble
from vaerun.data.base import Dataset
from vaerun.data.binarize import Binarization
from vaerun.data.condition import labelled
from vaerun.data.download import download
from vaerun.data.folder import data_folder, find

TRAIN, TEST = "train-images-idx3-ubyte.gz", "t10k-images-idx3-ubyte.gz"
TRAIN_LABELS, TEST_LABELS = "train-labels-idx1-ubyte.gz", "t10k-labels-idx1-ubyte.gz"
NUM_TRAIN = 50_000


@final
@dataclass(frozen=True)
class Published:
    """A data set in four IDX files: its folder in torchvision's layout, its mirrors, and the hashes of its files."""

    name: str
    subfolder: str
    mirrors: Sequence[str]
    train_sha256: str
    test_sha256: str
    train_labels_sha256: str
    test_labels_sha256: str
    classes: Sequence[str]

    def load(self, root: str | None, choice: Binarization, condition: str | None) -> Dataset:
        """Rows 0 … 49,999 of the train file, its rows 50,000 … 59,999 as valid, and the test file, at scale 1/255.

        Labels are read from the two label files. If these are missing, they are downloaded if the model conditions on
        the labels or if the images had to be downloaded, too; otherwise the points have no labels.

        Raises:
            UserError: a file is missing and cannot be downloaded, or is not the published one.
        """
        folder = data_folder(root)
        had_images = all(find(folder, name, subfolder=self.subfolder) is not None for name in (TRAIN, TEST))
        images = self._array(TRAIN, (60_000, 28, 28), self.train_sha256, folder)
        test = self._array(TEST, (10_000, 28, 28), self.test_sha256, folder)
        splits = (images[:NUM_TRAIN], images[NUM_TRAIN:], test)
        train, valid, held_out = (torch.from_numpy(x.reshape(len(x), -1)) for x in splits)
        data = assemble(self.name, (train, valid, held_out), shape=(28, 28), scale=1 / 255, choice=choice)
        rows = torch.arange(70_000).split([NUM_TRAIN, 60_000 - NUM_TRAIN, 10_000])
        files = (TRAIN_LABELS, TEST_LABELS)
        if condition is None and had_images and any(find(folder, f, subfolder=self.subfolder) is None for f in files):
            return data.annotated(rows)
        parts = (
            self._array(TRAIN_LABELS, (60_000,), self.train_labels_sha256, folder),
            self._array(TEST_LABELS, (10_000,), self.test_labels_sha256, folder),
        )
        labels = torch.from_numpy(np.concatenate(parts)).long()
        return labelled(data, rows, labels=labels, classes=self.classes, condition=condition)

    def _array(self, name: str, shape: tuple[int, ...], sha256: str, folder: Path) -> np.ndarray:
        path = find(folder, name, subfolder=self.subfolder)
        if path is None:
            path = folder / self.subfolder / name
            download(path, self.mirrors, check=partial(idx.decode, shape=shape, sha256=sha256))
        remedy = f"delete it, and it is downloaded again, or put the file of {self.name} into {folder / self.subfolder}"
        return idx.read(path, shape=shape, sha256=sha256, remedy=remedy)

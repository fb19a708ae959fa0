"""Published sets of 28x28 grey images in two IDX files: 60,000 to train and validate on, and 10,000 to test."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import final

import numpy as np
import torch

from vaerun.data import idx
from vaerun.data.base import Dataset
from vaerun.data.binarize import Binarization, assemble
from vaerun.data.download import download
from vaerun.data.folder import data_folder, find

TRAIN, TEST = "train-images-idx3-ubyte.gz", "t10k-images-idx3-ubyte.gz"
NUM_TRAIN = 50_000


@final
@dataclass(frozen=True)
class Published:
    """A data set in two IDX files: its folder in torchvision's layout, its mirrors, and the hashes of its files."""

    name: str
    subfolder: str
    mirrors: Sequence[str]
    train_sha256: str
    test_sha256: str

    def load(self, root: str | None, choice: Binarization) -> Dataset:
        """Rows 0 … 49,999 of the train file, its rows 50,000 … 59,999 as valid, and the test file, at scale 1/255.

        Raises:
            UserError: a file is missing and cannot be downloaded, or is not the published one.
        """
        images = self._images(TRAIN, 60_000, self.train_sha256, root=root)
        test = self._images(TEST, 10_000, self.test_sha256, root=root)
        splits = (images[:NUM_TRAIN], images[NUM_TRAIN:], test)
        train, valid, held_out = (torch.from_numpy(x.reshape(len(x), -1)) for x in splits)
        return assemble(self.name, (train, valid, held_out), shape=(28, 28), scale=1 / 255, choice=choice)

    def _images(self, name: str, count: int, sha256: str, *, root: str | None) -> np.ndarray:
        folder = data_folder(root)
        shape = (count, 28, 28)
        path = find(folder, name, subfolder=self.subfolder)
        if path is None:
            path = folder / self.subfolder / name
            download(path, self.mirrors, check=partial(idx.decode, shape=shape, sha256=sha256))
        remedy = f"delete it, and it is downloaded again, or put the file of {self.name} into {folder / self.subfolder}"
        return idx.read(path, shape=shape, sha256=sha256, remedy=remedy)

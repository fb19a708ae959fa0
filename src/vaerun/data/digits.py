"""The digits of scikit-learn, the default data set, included in vaerun."""

from importlib import resources
from typing import final

import numpy as np
import torch

from vaerun.data.base import Dataset, Source
from vaerun.data.binarize import assemble, binarization


@final
class Digits(Source):
    """1,797 handwritten digits, 8x8 with grey levels 0 … 16, included in vaerun: 1,297 train, 200 valid, 300 test.

    The split is fixed: the rows of scikit-learn in the order numpy.random.default_rng(0).permutation(1797), first
    train, then valid, then test. A grey level g is the probability g/16. The licence, BSD 3-Clause, is in
    DIGITS_LICENSE.txt beside the file.

    Args:
        binarize: static, dynamic, threshold or none.
        binarize_seed: of static binarisation, and of valid and test under dynamic.

    Raises:
        UserError: there is no such binarisation.

    Reference: Alpaydin & Kaynak 1998, Optical Recognition of Handwritten Digits (UCI), from scikit-learn.
    """

    def __init__(self, *, binarize: str = "static", binarize_seed: int = 0) -> None:
        self.choice = binarization(binarize, seed=binarize_seed)

    def load(self) -> Dataset:
        with resources.files("vaerun.data").joinpath("digits.npz").open("rb") as file, np.load(file) as archive:
            images = [archive[name] for name in ("train", "valid", "test")]
        train, valid, test = (torch.from_numpy(x.reshape(len(x), -1)) for x in images)
        return assemble("digits", (train, valid, test), shape=(8, 8), scale=1 / 16, choice=self.choice)

"""The embedded default: scikit-learn's digits."""

from importlib import resources
from typing import final

import numpy as np
import torch

from vaerun.data.base import Dataset, Source
from vaerun.data.binarize import assemble, binarization


@final
class Digits(Source):
    """1,797 handwritten digits, 8x8 with grey levels 0 … 16, shipped with vaerun: 1,297 train, 200 valid, 300 test.

    The split is fixed: scikit-learn's rows in the order numpy.random.default_rng(0).permutation(1797), of which the
    first 1,297 train, the next 200 validate and the last 300 test. A grey level g is the probability g/16. The licence,
    BSD 3-Clause, lies beside the file as DIGITS_LICENSE.txt.

    Args:
        binarize: static, dynamic, threshold or none.
        binarize_seed: of the draws of static, and of valid and test under dynamic.

    Raises:
        UserError: there is no such binarisation.

    Reference: Alpaydin & Kaynak 1998, Optical Recognition of Handwritten Digits (UCI), as copied by scikit-learn.
    """

    def __init__(self, *, binarize: str = "static", binarize_seed: int = 0) -> None:
        self.choice = binarization(binarize, seed=binarize_seed)

    def load(self) -> Dataset:
        with resources.files("vaerun.data").joinpath("digits.npz").open("rb") as file, np.load(file) as archive:
            images = [archive[name] for name in ("train", "valid", "test")]
        train, valid, test = (torch.from_numpy(x.reshape(len(x), -1)) for x in images)
        return assemble("digits", (train, valid, test), shape=(8, 8), scale=1 / 16, choice=self.choice)

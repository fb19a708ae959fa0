"""The digits of scikit-learn, the default data set, included in vaerun."""

from importlib import resources
from typing import Literal, final

import numpy as np
import torch

from vaerun.data.assemble import assemble
from vaerun.data.base import Dataset, Source
from vaerun.data.binarize import binarization
from vaerun.data.condition import labelled
from vaerun.data.hide import Hide

SPLITS = ("train", "valid", "test")
CLASSES = tuple(map(str, range(10)))


@final
class Digits(Source):
    """1,797 handwritten digits, 8x8 with grey levels 0 … 16, included in vaerun: 1,297 train, 200 valid, 300 test.

    The split is fixed: the rows of scikit-learn in the order numpy.random.default_rng(0).permutation(1797), first
    train, then valid, then test. A grey level g is the probability g/16. The licence, BSD 3-Clause, is in
    DIGITS_LICENSE.txt beside the file.

    Args:
        binarize: static, dynamic, threshold or none.
        binarize_seed: of static binarisation, and of valid and test under dynamic.
        condition: y: the model conditions on the label, as a one-hot vector of 10 numbers; null: labels only colour
            plots and name points.
        hide: fraction of the values that are hidden, missing completely at random (``data.hide.Hide``).
        hide_seed: of the hidden places.

    Raises:
        UserError: there is no such binarisation, or a value is out of range.

    Reference: Alpaydin & Kaynak 1998, Optical Recognition of Handwritten Digits (UCI), from scikit-learn.
    """

    def __init__(
        self,
        *,
        binarize: str = "static",
        binarize_seed: int = 0,
        condition: Literal["y"] | None = None,
        hide: float = 0.0,
        hide_seed: int = 0,
    ) -> None:
        self.condition = condition
        self.choice = binarization(binarize, seed=binarize_seed)
        self.hide = Hide(fraction=hide, seed=hide_seed)

    def load(self) -> Dataset:
        with resources.files("vaerun.data").joinpath("digits.npz").open("rb") as file, np.load(file) as archive:
            images = [archive[name] for name in SPLITS]
            labels = torch.from_numpy(np.concatenate([archive[f"{name}_labels"] for name in SPLITS])).long()
        train, valid, test = (torch.from_numpy(x.reshape(len(x), -1)) for x in images)
        data = assemble("digits", (train, valid, test), shape=(8, 8), scale=1 / 16, choice=self.choice)
        rows = torch.arange(len(labels)).split([len(x) for x in images])
        return self.hide(labelled(data, rows, labels=labels, classes=CLASSES, condition=self.condition))

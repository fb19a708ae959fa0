"""A data set from any map-style data set of torch."""

from collections.abc import Iterator, Sequence
from typing import Literal, final

import torch
from torch import Tensor
from torch.utils.data import Dataset as MapStyle

from vaerun.config.ranges import above
from vaerun.data.assemble import assemble
from vaerun.data.base import Dataset, Source
from vaerun.data.binarize import binarization
from vaerun.data.condition import labelled
from vaerun.data.hide import Hide
from vaerun.data.labels import UNKNOWN, Classes, Labelled, classes_of_parts
from vaerun.data.layout import refuse_unknown_layout
from vaerun.data.map_style import Points, class_names, numbers_among, read_points
from vaerun.data.missing import ABOUT_NAN, told
from vaerun.data.overlap import overlap_warnings
from vaerun.data.random_split import RandomSplit
from vaerun.data.tidy import scale_of, tidy


@final
class TorchDataset(Source):
    """torch.utils.data.Dataset ↦ data set: item n is x or (x, label), where x is a tensor, an array or a Pillow image.

    Every item is read once, in order, before training; a data set that draws its items at random is warned of. A split
    for which no data set is given is taken from ``dataset`` by torch's randperm of its length n from ``split_seed``:
    the first int(n · test_fraction) points are test, the next int(n · valid_fraction) valid, and the rest train.
    Values, scale and layout are treated as by data=arrays; Pillow images have their channels last.

    Args:
        dataset: the training points, and the points of other splits if they are not given. A class of your own or of
            torchvision needs trust=PACKAGE. Its keys are those of its constructor.
        valid_dataset: the validation points, or None.
        test_dataset: the test points, or None.
        condition: y: the model conditions on the label, as a one-hot vector; null: labels only colour plots and name
            points.
        scale: the factor of stored values. Null: 1/255 for uint8 images with a value above 127, 1 for floats,
            booleans, and whole numbers that are all 0 or 1; other whole numbers need it.
        layout: channels_last or channels_first, for images with an axis of channels. Null: the axis of 1 to 4 values,
            if only the first or only the last axis is one.
        binarize: none, static, dynamic or threshold; the last three need scaled values in [0, 1].
        binarize_seed: of static binarisation, and of valid and test under dynamic.
        split_seed: of the split.
        valid_fraction: fraction of the validation points.
        test_fraction: fraction of the test points.
        missing: nan, or the number that stands for a missing value; null: no value is missing.
        hide: fraction of the values to hide, as if they were missing (``vaerun.data.hide.Hide``).
        hide_seed: of the hidden places.

    Raises:
        UserError: a value is out of range; in ``load``, an item cannot be read, the points differ in shape or type, do
        not fit into memory, or need ``scale`` or ``layout``.

    Reference: torch.utils.data.Dataset of PyTorch.
    """

    def __init__(
        self,
        *,
        dataset: MapStyle,
        valid_dataset: MapStyle | None = None,
        test_dataset: MapStyle | None = None,
        condition: Literal["y"] | None = None,
        scale: float | None = None,
        layout: str | None = None,
        binarize: str = "none",
        binarize_seed: int = 0,
        split_seed: int = 0,
        valid_fraction: float = 0.1,
        test_fraction: float = 0.1,
        missing: Literal["nan"] | float | None = None,
        hide: float = 0.0,
        hide_seed: int = 0,
    ) -> None:
        above("data.scale", scale, 0)
        refuse_unknown_layout(layout)
        self.split = RandomSplit(seed=split_seed, valid_fraction=valid_fraction, test_fraction=test_fraction)
        given = {"train": dataset, "valid": valid_dataset, "test": test_dataset}
        self.datasets = {split: one for split, one in given.items() if one is not None}
        self.scale, self.layout = scale, layout
        self.choice = binarization(binarize, seed=binarize_seed)
        self.missing, self.hide = missing, Hide(fraction=hide, seed=hide_seed)
        self.own: dict[str, Tensor] = {}
        self.condition = condition

    def load(self) -> Dataset:
        name = type(self.datasets["train"]).__name__
        keys = {split: f"data.{'' if split == 'train' else f'{split}_'}dataset" for split in self.datasets}
        read = {split: read_points(one, keys[split]) for split, one in self.datasets.items()}
        tidied = tidy(
            {split: points.x for split, points in read.items()},
            name,
            layout=self.layout,
            missing=self.missing,
            about_nan=ABOUT_NAN,
        )
        scale = scale_of(tidied, self.scale, name)
        classes, remarks = self._classes(read), list(_remarks(read, keys))
        del read  # it may be as large as the data
        self.own, found, (train, valid, test) = self.split.divided(tidied.rows, "data.dataset")
        shared = overlap_warnings(train, remedy="remove the repeated points", valid=valid, test=test)
        data = assemble(
            name,
            (train, valid, test),
            shape=tidied.shape,
            scale=scale,
            choice=self.choice,
            said=tidied.said,
            warnings=[*remarks, *shared],
        )
        labels, class_names = (None, ()) if classes is None else classes
        data = self.hide(data)
        if self.missing is not None and not data.missing:
            data = told(data)
        return labelled(
            data,
            found,
            labels=labels,
            classes=class_names,
            condition=self.condition,
        )

    def unused(self) -> Sequence[str]:
        return self.split.unused(self.own)

    def _classes(self, read: dict[str, Points]) -> Classes | None:
        """The classes of all points, in the order of the data sets; None if no data set has labels."""
        if all(points.labels is None for points in read.values()):
            return None
        if names := class_names(self.datasets["train"], read["train"].labels):
            numbers = [
                torch.full((len(points.x),), UNKNOWN)
                if points.labels is None
                else numbers_among(names, self.datasets[split], points.labels)
                for split, points in read.items()
            ]
            return Classes(torch.cat(numbers), names)
        parts = [Labelled("the labels of data.dataset", points.labels, len(points.x)) for points in read.values()]
        return classes_of_parts(parts)


def _remarks(read: dict[str, Points], keys: dict[str, str]) -> Iterator[str]:
    """Warnings of data sets that are not what they seem."""
    for split, points in read.items():
        if points.drawn:
            yield (
                f"{keys[split]} gives other values each time an item is read, and every item was read once: give its "
                "random numbers a seed of their own, or this run can be neither resumed nor evaluated."
            )
        if points.extra:
            yield (
                f"the second values of the items of {keys[split]} are not used as labels, because they are not all "
                "whole numbers or texts."
            )

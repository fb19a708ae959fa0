"""A data set from a user's own file."""

from collections.abc import Iterator, Sequence
from typing import final

import torch
from torch import Tensor

from vaerun.config.ranges import above
from vaerun.data.array_file import SPLITS, read_arrays
from vaerun.data.base import Dataset, Source
from vaerun.data.binarize import assemble, binarization
from vaerun.data.data_file import located
from vaerun.data.layout import refuse_unknown_layout
from vaerun.data.overlap import shared_points
from vaerun.data.stream import stream
from vaerun.data.tidy import Tidied, tidy
from vaerun.errors import UserError


@final
class Arrays(Source):
    """FILE ↦ data set: an npz, npy or IDX file with images [N, H, W] or [N, H, W, C], or with vectors [N, X].

    An npz file with arrays train, valid and test keeps these splits, and keys of another split are refused. Any other
    file (an npz file with an array x or with only one array, an npy file, an IDX file, compressed or not) is split by
    torch's randperm of N from ``split_seed``: the first int(N · test_fraction) points are test, the next
    int(N · valid_fraction) valid, and the rest train. Whole numbers from 0 to 255 and booleans are stored as uint8,
    everything else as float32.

    Nothing else is done to the values unless a key asks for it, except that uint8 images are divided by 255, and that
    images [N, C, H, W] are turned to [N, H, W, C] where only the first axis can be the channels. All that is done
    is logged before training, and is ``data.values`` of summary.json.

    Args:
        path: the file.
        scale: the factor of stored values. Null: 1/255 for uint8 images, 1 for floats, booleans, and whole numbers that
            are all 0 or 1; other whole numbers need it.
        layout: channels_last or channels_first, for images with an axis of channels. Null: the axis of 1 to 4 values,
            if only the first or only the last axis is one.
        binarize: none, static, dynamic or threshold; the last three need scaled values in [0, 1].
        binarize_seed: of static binarisation, and of valid and test under dynamic.
        split_seed: of the split.
        valid_fraction: fraction of the validation points.
        test_fraction: fraction of the test points.

    Raises:
        UserError: a value is out of range; in ``load``, the file is missing or damaged, has values that are not finite
        or do not fit into float32, or needs ``scale`` or ``layout``.

    Reference: NumPy's file formats (numpy.lib.format), and IDX as published with MNIST.
    """

    def __init__(
        self,
        *,
        path: str | None = None,
        scale: float | None = None,
        layout: str | None = None,
        binarize: str = "none",
        binarize_seed: int = 0,
        split_seed: int = 0,
        valid_fraction: float = 0.1,
        test_fraction: float = 0.1,
    ) -> None:
        if not path:
            raise UserError("data.path must name an npz, npy or IDX file for data=arrays: give data.path=FILE.")
        above("data.scale", scale, 0)
        refuse_unknown_layout(layout)
        above("data.valid_fraction", valid_fraction, 0)
        above("data.test_fraction", test_fraction, 0)
        if valid_fraction + test_fraction >= 1:
            raise UserError(
                f"data.valid_fraction + data.test_fraction must be below 1, got {valid_fraction} + {test_fraction}."
            )
        stream("data.split_seed", split_seed)
        self.path = located("data.path", path)
        self.scale, self.layout = scale, layout
        self.choice = binarization(binarize, seed=binarize_seed)
        self.split_seed = split_seed
        self.valid_fraction = valid_fraction
        self.test_fraction = test_fraction
        self.has_splits = False

    def load(self) -> Dataset:
        tidied = tidy(read_arrays(self.path), self.path, layout=self.layout)
        scale = self._scale(tidied)
        rows = tidied.rows
        self.has_splits = len(rows) > 1
        train, valid, test = (rows[split] for split in SPLITS) if self.has_splits else self._split(rows)
        if len(train) < 2:
            raise UserError(f"train must hold at least 2 points, got {len(train)} in {self.path}: use more points.")
        said = [*tidied.said, *_shared(train, valid=valid, test=test)]
        splits = (train, valid, test)
        return assemble(self.path.name, splits, shape=tidied.shape, scale=scale, choice=self.choice, said=said)

    def unused(self) -> Sequence[str]:
        keys = ("data.split_seed", "data.valid_fraction", "data.test_fraction")
        return keys if self.has_splits else ()

    def _scale(self, tidied: Tidied) -> float:
        """The scale that is given; otherwise 1/255 for uint8 images and 1 for what needs none."""
        if self.scale is not None:
            return float(self.scale)
        if not tidied.whole:
            return 1.0
        low, high = (int(f(of(x) for x in tidied.rows.values())) for f, of in ((min, Tensor.min), (max, Tensor.max)))
        if tidied.byte_images and high > 127:
            return 1 / 255
        keep = "1 to keep them as they are, for example counts"
        grey = [n for n in (high, 255) if low >= 0 and n >= high]
        maps = [f"{1 / n!r} for grey levels up to {n}" for n in dict.fromkeys(grey)]
        raise UserError(
            f"data.scale must be given for whole numbers from {low} to {high}, as in {self.path}: use "
            f"{', or '.join(f'data.scale={each}' for each in [keep, *maps])}."
        )

    def _split(self, rows: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        (x,) = rows.values()
        num_test, num_valid = int(len(x) * self.test_fraction), int(len(x) * self.valid_fraction)
        if min(num_test, num_valid) < 1 or len(x) - num_test - num_valid < 2:
            raise UserError(
                f"valid and test need 1 point each and train needs 2, but {self.path} holds {len(x)} points at "
                f"data.valid_fraction={self.valid_fraction} and data.test_fraction={self.test_fraction}: use more "
                "points or other fractions."
            )
        order = torch.randperm(len(x), generator=stream("data.split_seed", self.split_seed))
        test, valid, train = order.split([num_test, num_valid, len(x) - num_test - num_valid])
        return x[train], x[valid], x[test]


def _shared(train: Tensor, **others: Tensor) -> Iterator[str]:
    """Says how many held-out points are training points, too."""
    for name, rows in others.items():
        if count := shared_points(rows, train):
            yield f"{count:,} of {len(rows):,} {name} points also occur in train"

"""A data set from a user's own file."""

from collections.abc import Sequence
from pathlib import Path
from typing import final

import torch
from torch import Tensor

from vaerun.config.ranges import above
from vaerun.data.array_file import SPLITS, read_arrays
from vaerun.data.base import Dataset, Source
from vaerun.data.binarize import assemble, binarization
from vaerun.data.stream import stream
from vaerun.data.tidy import tidy
from vaerun.errors import UserError


@final
class Arrays(Source):
    """FILE ↦ data set: an npz, npy or IDX file with images [N, H, W] or [N, H, W, C], or with vectors [N, X].

    An npz file with arrays train, valid and test keeps these splits. Any other file (an npz file with an array x or
    with only one array, an npy file, an IDX file, compressed or not) is split by torch's randperm of N from
    ``split_seed``: the first int(N · test_fraction) points are test, the next int(N · valid_fraction) valid, and the
    rest train. Whole numbers from 0 to 255 and booleans are stored as uint8, everything else as float32.

    Args:
        path: the file.
        scale: the factor of stored values. Null: 1/255 for whole numbers from 0 to 255, unless all are 0 or 1;
            otherwise 1.
        binarize: none, static, dynamic or threshold; the last three need scaled values in [0, 1].
        binarize_seed: of static binarisation, and of valid and test under dynamic.
        split_seed: of the split.
        valid_fraction: fraction of the validation points.
        test_fraction: fraction of the test points.

    Raises:
        UserError: a value is out of range; in ``load``, the file is missing, damaged, or has values that are not
        finite.

    Reference: NumPy's file formats (numpy.lib.format), and IDX as published with MNIST.
    """

    def __init__(
        self,
        *,
        path: str | None = None,
        scale: float | None = None,
        binarize: str = "none",
        binarize_seed: int = 0,
        split_seed: int = 0,
        valid_fraction: float = 0.1,
        test_fraction: float = 0.1,
    ) -> None:
        if not path:
            raise UserError("data.path must name an npz, npy or IDX file for data=arrays: give data.path=FILE.")
        above("data.scale", scale, 0)
        above("data.valid_fraction", valid_fraction, 0)
        above("data.test_fraction", test_fraction, 0)
        if valid_fraction + test_fraction >= 1:
            raise UserError(
                f"data.valid_fraction + data.test_fraction must be below 1, got {valid_fraction} + {test_fraction}."
            )
        stream("data.split_seed", split_seed)
        self.path = Path(path).expanduser()
        self.scale = scale
        self.choice = binarization(binarize, seed=binarize_seed)
        self.split_seed = split_seed
        self.valid_fraction = valid_fraction
        self.test_fraction = test_fraction
        self.has_splits = False

    def load(self) -> Dataset:
        rows, shape = tidy(read_arrays(self.path), self.path)
        self.has_splits = len(rows) > 1
        scale = self._scale(rows)
        train, valid, test = self._split(rows) if len(rows) == 1 else (rows[split] for split in SPLITS)
        return assemble(self.path.name, (train, valid, test), shape=shape, scale=scale, choice=self.choice)

    def unused(self) -> Sequence[str]:
        keys = ("data.split_seed", "data.valid_fraction", "data.test_fraction")
        return keys if self.has_splits else ()

    def _scale(self, rows: dict[str, Tensor]) -> float:
        if self.scale is not None:
            return float(self.scale)
        largest = max(x.max().item() for x in rows.values())
        if largest <= 1 or any(x.dtype != torch.uint8 for x in rows.values()):
            return 1.0
        if largest < 128:
            raise UserError(
                f"data.scale must be given for whole numbers up to {largest}, as in {self.path}: use "
                f"{1 / largest!r} for grey levels up to {largest}, {1 / 255!r} for grey levels up to 255, or 1 for "
                "counts."
            )
        return 1 / 255

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

"""nan marks a value of x that is missing: finding such values in arrays, and what a data set says about them."""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from vaerun.data.mapped import Rows
from vaerun.data.split import Split
from vaerun.errors import UserError

if TYPE_CHECKING:
    from vaerun.data.base import Dataset

Marker = Literal["nan"] | float | None
"""The key ``data.missing``: the value that stands for a missing value; None if no value is missing."""

ABOUT_NAN = "use data.missing=nan if nan stands for a missing value, or remove or correct them"
"""What to do about nan where ``data.missing`` is null."""

NONE = "no value of {name} is missing, so its results are those of complete data: check data.missing."


def marks(array: np.ndarray, marker: Marker) -> np.ndarray:
    """Where an array holds the marker, Bool with the shape of the array; nowhere if it does not hold numbers."""
    if marker is None or array.dtype.kind not in "buif":
        return np.zeros(array.shape, dtype=bool)
    value = float(marker)
    found: np.ndarray = np.isnan(array) if math.isnan(value) else array == value
    return found


def filled(array: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """The array with an observed value of it in place of every missing one, so that checks of values see no marker."""
    if not missing.any():
        return array
    found = array.copy()
    found[missing] = array[~missing][0] if not missing.all() else 0
    return found


def with_missing(rows: Rows, missing: np.ndarray) -> Rows:
    """Stored rows [N, X] as float32 with nan where ``missing``, Bool [N, …]; unchanged if nothing is missing."""
    if not missing.any():
        return rows
    held = rows if isinstance(rows, Tensor) else rows[:]
    return held.float().masked_fill_(torch.from_numpy(missing.reshape(held.shape)), math.nan)


def told(data: "Dataset") -> "Dataset":
    """The data set, marked as one with missing values, with what a reader of its results must know about them.

    Raises:
        UserError: a value is missing in every training point, so nothing can be learned about it.
    """
    splits = {"train": data.train, "valid": data.valid, "test": data.test}
    absent = {name: _absent(split) for name, split in splits.items()}
    if bool((absent["train"].by_value == len(data.train)).any()):
        value = int(absent["train"].by_value.argmax())
        what = f"the column {data.columns[value].name!r}" if data.columns else f"value {value} (from 0)"
        raise UserError(
            f"every value must be observed in at least one training point, but {what} of {data.name} is observed in "
            f"none of {len(data.train):,}: remove it from the data."
        )
    count = sum(int(each.by_value.sum()) for each in absent.values())
    share = count / sum(split.x.numel() for split in splits.values())
    said = [] if data.values == "as they are" else [data.values]
    return replace(
        data,
        missing=True,
        values="; ".join([*said, f"{share:.1%} of the values missing"]),
        warnings=(*data.warnings, *_empty(splits, absent), *([] if count else [NONE.format(name=data.name)])),
    )


class Absent(NamedTuple):
    """How many values are missing in a split."""

    by_value: Tensor  # in how many points each value is missing, Int[Tensor, "X"]
    points: int  # in how many points all values are missing


def _absent(split: Split) -> Absent:
    by_value, points = torch.zeros(split.x.shape[1], dtype=torch.int64), 0
    for rows in split.chunks():
        missing = rows.isnan().cpu()
        by_value += missing.sum(0)
        points += int(missing.all(1).sum())
    return Absent(by_value, points)


def _empty(splits: dict[str, Split], absent: dict[str, Absent]) -> Iterator[str]:
    """A warning for each split with points of which nothing is observed."""
    for name, split in splits.items():
        if count := absent[name].points:
            yield (
                f"{count:,} of the {len(split):,} {name} points {'has' if count == 1 else 'have'} no observed value, "
                "so each counts as log p = 0 in the mean of every bound: leave these points out of the data."
            )

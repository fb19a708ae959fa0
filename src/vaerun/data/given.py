"""What a user gives from Python, as tensors and whole numbers."""

import math
from collections.abc import Sequence
from numbers import Integral
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from vaerun.errors import UserError, counted

ROUNDING = 1e-3
"""The largest error of rounding to float32, as a fraction of the range of a column."""

TINY = float(np.finfo(np.float32).tiny)
"""The smallest normal number of float32: smaller ones are 0 while a run computes (``execution.tiny_numbers``)."""

Array = TypeVar("Array", Tensor, np.ndarray)

Numbers = Tensor | np.ndarray | Sequence[Any]
"""A tensor, an array, or nested lists of numbers."""


def numbers(name: str, given: Numbers) -> Tensor:
    """A tensor of the numbers, without a gradient; an array may have any strides and any byte order.

    Raises:
        UserError: they are not real numbers, or their rows are not equally long.
    """
    if isinstance(given, Tensor):
        dense = given.layout == torch.strided and not given.is_nested
        if dense and not (given.is_complex() or given.is_meta or given.is_quantized):
            return given.detach()
        kind = "a nested tensor" if given.is_nested else str(given.layout)
        raise UserError(f"{name} must be a dense tensor of real numbers, got {kind} of {given.dtype}.")
    refuse_masked(name, given, "nan")
    try:
        array = np.asarray(given)
    except (ValueError, TypeError, RuntimeError):
        array = np.asarray(None)
    if array.dtype.kind not in "biuf":
        raise UserError(
            f"{name} must be a tensor, an array or equally long lists of real numbers, got {type(given).__name__} that "
            f"is none of them."
        )
    if array.dtype.kind in "ui" and array.size and max(int(array.max()), -int(array.min())) > 2**53:
        raise UserError(
            f"whole numbers in {name} must be at most 2**53 in size, because float64 holds no others exactly, got "
            f"{int(array.min())} to {int(array.max())}: subtract an offset."
        )
    if array.dtype.kind == "b":
        return torch.from_numpy(array.astype(bool))
    exact = np.can_cast(array.dtype, np.float32)  # float32 holds every value of its type
    return torch.from_numpy(array.astype(np.float32 if exact else np.float64))


def refuse_masked(name: str, given: Any, unknown: str) -> None:
    """Refuses an array with a mask: NumPy keeps some number below it, which would be taken for a value.

    Args:
        name: what is given is called, for the error message.
        given: anything.
        unknown: what stands for a value that is not known, as a word of Python.

    Raises:
        UserError: a value is masked.
    """
    if isinstance(given, np.ma.MaskedArray) and np.ma.is_masked(given):
        filled = "astype(float).filled(float('nan'))" if unknown == "nan" else f"filled({unknown})"
        raise UserError(
            f"{name} must not be masked, but {np.ma.count_masked(given):,} of its values are: give {name}.{filled}, in "
            f"which {unknown} stands for a value that is not known."
        )


def float_rows(name: str, x: Tensor) -> Tensor:
    """Points [N, …] as rows [N, X] of finite float32.

    Raises:
        UserError: a value is not finite in float32, or a column loses its differences when it is rounded.
    """
    exact = x.reshape(len(x), -1)
    rows = exact.float()
    if not bool(torch.isfinite(rows).all()):
        raise UserError(
            f"every value of {name} must be finite in float32: remove the points that hold infinity or nan, or give "
            "missing=nan if nan stands for a missing value."
        )
    if x.dtype not in (torch.float64, torch.int32, torch.int64):
        return rows
    width = exact.double().amax(0) - exact.double().amin(0)
    lost = (exact.double() - as_computed(rows).double()).abs().amax(0) > ROUNDING * width
    if bool((lost & (width > 0)).any()):
        column = int((lost & (width > 0)).int().argmax())
        raise UserError(
            f"the values of {name} must still differ in float32, but those of column {column} (from 0) are nearly "
            "equal: subtract the mean of each column and divide by its standard deviation."
        )
    return rows


def as_computed(rows: Array) -> Array:
    """Numbers in float32 as a run computes with them: those below 1.2e-38 are 0."""
    return rows * (abs(rows) >= TINY)


def whole(name: str, given: Any, least: int, why: str = "") -> int:
    """The number, where it is a whole one and large enough.

    Raises:
        UserError: it is not.
    """
    if isinstance(given, Tensor) and given.ndim == 0:
        given = given.item()
    if not isinstance(given, Integral) or isinstance(given, bool) or given < least:
        raise UserError(f"{name} must be a whole number of at least {least}{why}, got {given!r}.")
    return int(given)


def split_sizes(count: int, valid: float, test: float) -> list[int]:
    """The number of training, validation and test points of ``count`` points.

    Raises:
        UserError: a fraction is out of range, or a split has too few points.
    """
    fractions = [part if isinstance(part, (int, float)) else math.nan for part in (valid, test)]
    if not (all(0 < part < 1 for part in fractions) and sum(fractions) < 1):
        raise UserError(f"valid and test must be > 0 with a sum below 1, got {valid} and {test}.")
    held = [round(count * part) for part in fractions]
    if min(held) < 1 or count - sum(held) < 2:
        raise UserError(
            f"valid and test need 1 point each and train needs 2, got {counted(count, 'point')}: use more points, or "
            "other fractions."
        )
    return [count - sum(held), *held]

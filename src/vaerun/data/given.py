"""What a user gives from Python, as tensors and whole numbers."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vaerun.errors import UserError

Numbers = Tensor | np.ndarray | Sequence[Any]
"""A tensor, an array, or nested lists of numbers."""


def numbers(name: str, given: Numbers) -> Tensor:
    """A tensor of the numbers, without a gradient; an array may have any strides and any byte order.

    Raises:
        UserError: they are not real numbers, or their rows are not equally long.
    """
    if isinstance(given, Tensor):
        if given.layout == torch.strided and not given.is_complex() and not given.is_meta:
            return given.detach()
        raise UserError(f"{name} must be a dense tensor of real numbers, got {given.layout} of {given.dtype}.")
    try:
        array = np.asarray(given)
    except (ValueError, TypeError, RuntimeError):
        array = np.asarray(None)
    if array.dtype.kind not in "biuf":
        raise UserError(
            f"{name} must be a tensor, an array or equally long lists of real numbers, got {type(given).__name__} that "
            f"is none of them."
        )
    return torch.from_numpy(array.astype(bool if array.dtype.kind == "b" else np.float64))


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

"""[N, …] ↦ rows [N, X]: a user's arrays as uint8 or finite float32."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vaerun.errors import UserError

AXES = {
    0: "a single number",
    1: "one axis, as labels or a single point have",
}


def tidy(arrays: dict[str, np.ndarray], path: Path) -> tuple[dict[str, Tensor], tuple[int, ...]]:
    """Each array [N, …] as rows [N, X], and the shape of one point, the same for all.

    The type is uint8 if all arrays hold booleans or whole numbers from 0 to 255, otherwise float32. An axis of one
    channel is removed from the shape.

    Raises:
        UserError: an array does not hold points, a value is not finite, or the arrays differ in shape or type.
    """
    for name, array in arrays.items():
        _check(array, f"the array {name!r} of {path}")
    first, *others = arrays.items()
    for name, array in others:
        if array.shape[1:] != first[1].shape[1:]:
            raise UserError(
                f"all splits of {path} must hold points of one shape, got {first[1].shape[1:]} in {first[0]!r} and "
                f"{array.shape[1:]} in {name!r}."
            )
        if (array.dtype.kind == "f") != (first[1].dtype.kind == "f"):
            raise UserError(
                f"all splits of {path} must be whole numbers or all must be floats, got {first[1].dtype} in "
                f"{first[0]!r} and {array.dtype} in {name!r}."
            )
    dtype = np.uint8 if all(_fits_byte(array) for array in arrays.values()) else np.float32
    rows = {name: _rows(array, dtype, f"the array {name!r} of {path}") for name, array in arrays.items()}
    return rows, _point(first[1].shape[1:])


def _check(array: np.ndarray, what: str) -> None:
    if array.dtype.kind not in "buif":
        kind = {"c": "complex numbers", "U": "text", "S": "text", "O": "Python objects", "V": "records"}.get(
            array.dtype.kind, f"{array.dtype}"
        )
        raise UserError(f"{what} must hold real numbers, got {kind}: save it as float32 or uint8.")
    if array.ndim in AXES or array.ndim > 4:
        axes = AXES.get(array.ndim, f"{array.ndim} axes")
        raise UserError(
            f"{what} must hold vectors [N, X] or images [N, H, W] or [N, H, W, C], got {axes}: reshape it to one row "
            "per point."
        )
    if array.size == 0:
        raise UserError(f"{what} must hold at least one point of one value, got the shape {array.shape}.")


def _fits_byte(array: np.ndarray) -> bool:
    return array.dtype.kind in "bui" and int(array.min()) >= 0 and int(array.max()) <= 255


def _rows(array: np.ndarray, dtype: type, what: str) -> Tensor:
    with np.errstate(over="ignore"):
        rows: np.ndarray = np.array(array, dtype=dtype).reshape(len(array), -1)
    if dtype is np.float32:
        finite = np.isfinite(rows).all(axis=1)
        if not finite.all():
            row = int(np.argmin(finite))
            column = int(np.argmin(np.isfinite(rows[row])))
            value = array.reshape(len(array), -1)[row, column]
            raise UserError(
                f"every value of {what} must be finite in float32, got {value} in row {row}, column {column} (from 0), "
                f"the first of {(~finite).sum()} such rows: remove or correct them."
            )
    return torch.from_numpy(rows)


def _point(shape: tuple[int, ...]) -> tuple[int, ...]:
    if len(shape) == 3 and 1 in (shape[0], shape[2]):
        return shape[1:] if shape[0] == 1 else shape[:2]
    return shape

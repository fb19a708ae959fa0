"""[N, …] ↦ rows [N, X]: a user's arrays as uint8 or finite float32, without changing a value unsaid."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from vaerun.data.given import ROUNDING
from vaerun.data.layout import find_layout
from vaerun.data.layout import said as layout_in_words
from vaerun.errors import UserError

AXES = {
    0: "a single number",
    1: "one axis, as labels or a single point have",
}
EXACT = 2**24
"""Up to here float32 holds every whole number."""
CHUNK = 4096


class Tidied(NamedTuple):
    """Stored rows [N, X] by split, the shape of a point, whether the values need a scale, and what was done."""

    rows: dict[str, Tensor]
    shape: tuple[int, ...]
    whole: bool  # whole numbers other than 0 and 1
    byte_images: bool  # uint8 in the file, with axes of height and width
    said: list[str]


def tidy(arrays: dict[str, np.ndarray], path: Path, *, layout: str | None = None) -> Tidied:
    """Each array [N, …] as rows [N, X], and the shape of one point, the same for all.

    The type is uint8 if all arrays hold booleans or whole numbers from 0 to 255, otherwise float32. An axis of one
    channel is removed from the shape.

    Raises:
        UserError: an array does not hold points, a value is not finite or has no near value in float32, the layout of
        images is not clear, or the arrays differ in shape or type.
    """
    for name, array in arrays.items():
        _check(array, f"the array {name!r} of {path}")
    _refuse_different(arrays, path)
    shape = next(iter(arrays.values())).shape[1:]
    found = find_layout(shape, layout, path)
    said = [] if found is None else [layout_in_words(shape, found)]
    if found == "channels_first":
        arrays = {name: np.moveaxis(array, 1, -1) for name, array in arrays.items()}
        shape = next(iter(arrays.values())).shape[1:]
    dtype = np.uint8 if all(_fits_byte(array) for array in arrays.values()) else np.float32
    rows = {name: _rows(array, dtype, f"the array {name!r} of {path}") for name, array in arrays.items()}
    types = sorted({str(array.dtype.newbyteorder("=")) for array in arrays.values()})
    if any(array.dtype.kind == "f" and array.dtype.itemsize > 4 for array in arrays.values()):
        said.append(f"{' and '.join(types)} rounded to float32")
    elif types != [str(np.dtype(dtype))]:
        said.append(f"{' and '.join(types)} stored as {np.dtype(dtype)}")
    whole = all(array.dtype.kind in "bui" for array in arrays.values())
    bits = all(array.dtype.kind == "b" or (array.min() >= 0 and array.max() <= 1) for array in arrays.values())
    byte_images = len(shape) > 1 and all(array.dtype == np.uint8 for array in arrays.values())
    point = shape[:2] if len(shape) == 3 and shape[2] == 1 else shape
    return Tidied(rows, point, whole and not bits, byte_images, said)


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
    if array.dtype.kind in "ui" and max(int(array.max()), -int(array.min())) > EXACT:
        raise UserError(
            f"{what} must hold whole numbers between -{EXACT:,} and {EXACT:,}, which float32 holds exactly, got "
            f"{int(array.min()):,} to {int(array.max()):,}: subtract an offset, or save it as floats of a smaller size."
        )


def _refuse_different(arrays: dict[str, np.ndarray], path: Path) -> None:
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


def _fits_byte(array: np.ndarray) -> bool:
    return array.dtype.kind in "bui" and int(array.min()) >= 0 and int(array.max()) <= 255


def _rows(array: np.ndarray, dtype: type, what: str) -> Tensor:
    with np.errstate(over="ignore", under="ignore"):
        rows: np.ndarray = np.array(array, dtype=dtype, order="C").reshape(len(array), -1)
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
        if array.dtype.kind == "f" and array.dtype.itemsize > 4:
            _refuse_merged(array.reshape(len(array), -1), rows, what)
    return torch.from_numpy(rows)


def _refuse_merged(exact: np.ndarray, rounded: np.ndarray, what: str) -> None:
    """Refuses columns whose differences are lost in float32, such as times in seconds since 1970."""
    low, high = exact.min(axis=0), exact.max(axis=0)
    error = np.zeros_like(low)
    for start in range(0, len(exact), CHUNK):
        piece = slice(start, start + CHUNK)
        error = np.maximum(error, np.abs(exact[piece] - rounded[piece]).max(axis=0))
    with np.errstate(over="ignore"):
        lost = error > ROUNDING * (high - low)
    lost &= high > low
    if lost.any():
        column = int(np.argmax(lost))
        raise UserError(
            f"the values of {what} must still differ in float32, but in column {column} (from 0) they lie between "
            f"{low[column]!s} and {high[column]!s} and are rounded by up to {error[column]:.2g}: subtract the mean of "
            "each column and divide by its standard deviation, then save the file again."
        )

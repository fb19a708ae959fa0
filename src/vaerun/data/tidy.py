"""[N, …] ↦ rows [N, X]: a user's arrays as uint8 or finite float32, without changing a value unsaid."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from vaerun.data.given import ROUNDING, as_computed
from vaerun.data.layout import find_layout
from vaerun.data.layout import said as layout_in_words
from vaerun.data.mapped import MappedFile, Rows, empty_rows, from_file
from vaerun.data.missing import Marker, filled, marks, with_missing
from vaerun.errors import UserError

AXES = {
    0: "a single number",
    1: "one axis, as labels or a single point have",
}
EXACT = 2**24
"""Up to here float32 holds every whole number."""
CHUNK = 4096
REMOVE = "remove or correct them"
NO_FILES: Mapping[str, MappedFile] = MappingProxyType({})


class Tidied(NamedTuple):
    """Stored rows [N, X] by split, the shape of a point, whether the values need a scale, and what was done."""

    rows: dict[str, Rows]
    shape: tuple[int, ...]
    whole: bool  # whole numbers other than 0 and 1
    byte_images: bool  # uint8 in the file, with axes of height and width
    said: list[str]


def tidy(
    arrays: Mapping[str, np.ndarray],
    what: object,
    *,
    layout: str | None = None,
    files: Mapping[str, MappedFile] = NO_FILES,
    missing: Marker = None,
    about_nan: str = REMOVE,
) -> Tidied:
    """Each array [N, …] as rows [N, X], and the shape of one point, the same for all.

    An array of a mapped file stays in the file. If it has another type or order of axes than its rows, these are
    written to a scratch file.

    The type is uint8 if all arrays hold booleans or whole numbers from 0 to 255, otherwise float32. An axis of one
    channel is removed from the shape. Values equal to ``missing`` are missing: they are nan in the rows, as float32.

    Args:
        arrays: by name.
        what: the file or data set that holds them, for the error message.
        layout: of images, where it is given.
        files: the mapped files of arrays that stay in them.
        missing: what stands for a missing value.
        about_nan: what to do about nan, where ``missing`` is None, for the error message.

    Raises:
        UserError: an array does not hold points, a value is not finite or has no near value in float32, the layout of
        images is not clear, or the arrays differ in shape or type.
    """
    absent = {} if missing is None else {name: marks(array, missing) for name, array in arrays.items()}
    arrays = {name: filled(array, absent[name]) if absent else array for name, array in arrays.items()}
    if any(mask.size for mask in absent.values()) and all(mask.all() for mask in absent.values()):
        raise UserError(
            f"{what} must hold at least one observed value, but data.missing={missing} marks all as missing."
        )
    for name, array in arrays.items():
        _check(array, f"the array {name!r} of {what}")
    _refuse_different(arrays, what)
    shape = next(iter(arrays.values())).shape[1:]
    found = find_layout(shape, layout, what)
    said = [] if found is None else [layout_in_words(shape, found)]
    if found == "channels_first":
        arrays = {name: np.moveaxis(array, 1, -1) for name, array in arrays.items()}
        absent = {name: np.moveaxis(array, 1, -1) for name, array in absent.items()}
        shape = next(iter(arrays.values())).shape[1:]
    dtype = np.uint8 if all(_fits_byte(array) for array in arrays.values()) else np.float32
    rows = {
        name: _rows(array, dtype, f"the array {name!r} of {what}", files.get(name), about_nan)
        for name, array in arrays.items()
    }
    types = sorted({str(array.dtype.newbyteorder("=")) for array in arrays.values()})
    if any(array.dtype.kind == "f" and array.dtype.itemsize > 4 for array in arrays.values()):
        said.append(f"{' and '.join(types)} rounded to float32")
    elif types != [str(np.dtype(dtype))]:
        said.append(f"{' and '.join(types)} stored as {np.dtype(dtype)}")
    whole = all(array.dtype.kind in "bui" for array in arrays.values())
    bits = whole and all(
        array.dtype.kind == "b" or (array.min() >= 0 and array.max() <= 1) for array in arrays.values()
    )
    byte_images = len(shape) > 1 and all(array.dtype == np.uint8 for array in arrays.values())
    if absent:
        rows = {name: with_missing(x, absent[name]) for name, x in rows.items()}
    point = shape[:2] if len(shape) == 3 and shape[2] == 1 else shape
    return Tidied(rows, point, whole and not bits, byte_images, said)


def scale_of(tidied: Tidied, scale: float | None, what: object) -> float:
    """The scale that is given; otherwise 1/255 for uint8 images above 127, and 1 for what needs none.

    Raises:
        UserError: whole numbers that are not all 0 or 1 need a scale.
    """
    if scale is not None:
        return float(scale)
    if not tidied.whole:
        return 1.0
    found = [x[~x.isnan()] if isinstance(x, Tensor) and x.is_floating_point() else x for x in tidied.rows.values()]
    low, high = int(min(x.min() for x in found if x.numel())), int(max(x.max() for x in found if x.numel()))
    if tidied.byte_images and high > 127:
        return 1 / 255
    keep = "1 to keep them as they are, for example counts"
    grey = [n for n in (high, 255) if low >= 0 and n >= high]
    maps = [f"{1 / n!r} for grey levels up to {n}" for n in dict.fromkeys(grey)]
    raise UserError(
        f"data.scale must be given for whole numbers from {low} to {high}, as in {what}: use "
        f"{', or '.join(f'data.scale={each}' for each in [keep, *maps])}."
    )


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


def _refuse_different(arrays: Mapping[str, np.ndarray], what: object) -> None:
    first, *others = arrays.items()
    for name, array in others:
        if array.shape[1:] != first[1].shape[1:]:
            raise UserError(
                f"all splits of {what} must hold points of one shape, got {first[1].shape[1:]} in {first[0]!r} and "
                f"{array.shape[1:]} in {name!r}."
            )
        if (array.dtype.kind == "f") != (first[1].dtype.kind == "f"):
            raise UserError(
                f"all splits of {what} must be whole numbers or all must be floats, got {first[1].dtype} in "
                f"{first[0]!r} and {array.dtype} in {name!r}."
            )


def _fits_byte(array: np.ndarray) -> bool:
    return array.dtype.kind in "bui" and int(array.min()) >= 0 and int(array.max()) <= 255


def _rows(array: np.ndarray, dtype: type, what: str, file: MappedFile | None, about_nan: str) -> Rows:
    if file is not None and array.dtype == dtype and array.flags.c_contiguous:
        mapped = from_file(array.reshape(len(array), -1), file)
        _fill(None, array, dtype, what, file, about_nan)
        return mapped
    width = array[0].size
    if file is None:
        rows = np.empty((len(array), width), dtype)
        _fill(rows, array, dtype, what, None, about_nan)
        return torch.from_numpy(rows)
    converted = empty_rows(len(array), width, torch.from_numpy(np.empty(0, dtype)).dtype, what)
    _fill(converted.x.numpy(), array, dtype, what, file, about_nan)
    return converted


def _fill(
    rows: np.ndarray | None, array: np.ndarray, dtype: type, what: str, file: MappedFile | None, about_nan: str
) -> None:
    """Writes the values to ``rows`` [N, X], part by part; refuses those that float32 cannot hold.

    Args:
        rows: the destination; None where the values stay where they are, and are only looked at.
        array: the values [N, …].
        dtype: np.uint8 or np.float32.
        what: the array, for the error message.
        file: whose pages are given back from time to time; None for an array in memory.
        about_nan: what to do about nan, for the error message.
    """
    odd, lost = _Odd(), _Lost()
    wide = array.dtype.kind == "f" and array.dtype.itemsize > 4
    for start in range(0, len(array), CHUNK):
        exact = array[start : start + CHUNK].reshape(-1, array[0].size)
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            piece: np.ndarray = exact.astype(dtype, copy=False)
        if rows is not None:
            rows[start : start + CHUNK] = piece
        if dtype is np.float32:
            odd.look(exact, piece, start)
            if wide and not odd.count:
                lost.look(exact, piece)
        if file is not None:
            file.mapping.use(exact.nbytes)
    odd.refuse(what, about_nan)
    lost.refuse(what)


class _Odd:
    """The rows with a value that is not finite."""

    def __init__(self) -> None:
        self.count, self.first, self.infinite = 0, "", False

    def look(self, exact: np.ndarray, rounded: np.ndarray, start: int) -> None:
        """Counts those among rows from ``start`` on."""
        finite = np.isfinite(rounded).all(axis=1)
        if finite.all():
            return
        if not self.count:
            row = int(np.argmin(finite))
            column = int(np.argmin(np.isfinite(rounded[row])))
            self.first = f"{exact[row, column]} in row {start + row}, column {column} (from 0)"
        self.count += int((~finite).sum())
        self.infinite = self.infinite or bool(np.isinf(rounded).any())

    def refuse(self, what: str, about_nan: str) -> None:
        """Refuses them, if there are any; infinity cannot stand for a missing value."""
        if self.count:
            raise UserError(
                f"every value of {what} must be finite in float32, got {self.first}, the first of {self.count} such "
                f"rows: {REMOVE if self.infinite else about_nan}."
            )


class _Lost:
    """The columns whose differences are lost in float32, such as times in seconds since 1970."""

    def __init__(self) -> None:
        self.low: np.ndarray | None = None

    def look(self, exact: np.ndarray, rounded: np.ndarray) -> None:
        """Extends range and largest rounding error of every column."""
        low, high, error = exact.min(axis=0), exact.max(axis=0), np.abs(exact - as_computed(rounded)).max(axis=0)
        if self.low is None:
            self.low, self.high, self.error = low, high, error
        else:
            self.low, self.high = np.minimum(self.low, low), np.maximum(self.high, high)
            self.error = np.maximum(self.error, error)

    def refuse(self, what: str) -> None:
        """Refuses them, if there are any."""
        if self.low is None:
            return
        with np.errstate(over="ignore"):
            lost = self.error > ROUNDING * (self.high - self.low)
        lost &= self.high > self.low
        if lost.any():
            column = int(np.argmax(lost))
            raise UserError(
                f"the values of {what} must still differ in float32, but in column {column} (from 0) they lie between "
                f"{self.low[column]!s} and {self.high[column]!s} and are rounded by up to {self.error[column]:.2g}: "
                "subtract the mean of each column and divide by its standard deviation, then save the file again."
            )

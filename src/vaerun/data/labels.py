"""Labels of any kind ↦ the numbers of classes 0, 1, … and the names of the classes."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from vaerun.data.given import refuse_masked
from vaerun.errors import UserError, one_line

UNKNOWN = -1
MOST = 10_000
"""Classes that labels may have: more are a measurement or an identifier, not a class."""
LONGEST = 100
WHOLE = (torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


class Classes(NamedTuple):
    """The class of each point, Int[Tensor, "N"], −1 where it is not known, and the names of the classes 0, 1, …"""

    numbers: Tensor
    names: tuple[str, ...]


class Labelled(NamedTuple):
    """The labels of one array of points: what they are called, the labels or None, and how many points there are."""

    what: str
    labels: Sequence[Any] | np.ndarray | Tensor | None
    points: int


def classes_of(what: str, labels: Sequence[Any] | np.ndarray | Tensor, count: int) -> Classes:
    """The classes of N labels: whole numbers, truth values or texts. Class 0 is the smallest number or first text.

    A label −1, an empty text and None say that the class is not known.

    Args:
        what: they are called, for the error message.
        labels: [N] or [N, 1].
        count: N.

    Raises:
        UserError: they are not one for each point, are of another kind, or have too many classes.
    """
    return classes_of_parts([Labelled(what, labels, count)])


def classes_of_parts(parts: Sequence[Labelled]) -> Classes:
    """The classes of the points of all parts, in their order; a part without labels has no known class.

    Raises:
        UserError: labels are not one for each point, are of another kind, or have too many classes.
    """
    arrays = [_array(part) for part in parts if part.labels is not None]
    text = [array.dtype.kind == "U" for array in arrays]
    what = parts[0].what
    if len(set(text)) > 1:
        raise UserError(f"{what} must all be whole numbers or all be texts, got both: save them as one of these.")
    unknown = np.array("" if any(text) else UNKNOWN)
    arrays = [array.astype(np.int64) if array.dtype.kind in "biu" else array for array in arrays]
    rest = iter(arrays)
    array = np.concatenate([np.repeat(unknown, p.points) if p.labels is None else next(rest) for p in parts])
    known = array != unknown
    values, numbers = np.unique(array[known], return_inverse=True)
    if len(values) > MOST:
        raise UserError(
            f"{what} must have at most {MOST:,} classes, got {len(values):,}: use labels that many points share."
        )
    found = torch.full((len(array),), UNKNOWN)
    found[torch.from_numpy(known)] = torch.from_numpy(numbers.astype(np.int64))
    return Classes(found, tuple(one_line(str(value))[:LONGEST] for value in values.tolist()))


def plain_label(value: Any) -> int | str | None:
    """A whole number, a truth value, or a tensor or array of one of these, as a whole number; a text as it is.

    None for anything else, which is no label.
    """
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Tensor):
        value = value.detach().cpu().numpy() if value.dtype in WHOLE else None
    if isinstance(value, (np.ndarray, np.generic)):
        return int(value.item()) if value.dtype.kind in "bui" and value.size == 1 else None
    return int(value) if isinstance(value, Integral) else None


def _array(part: Labelled) -> np.ndarray:
    """The labels of a part as whole numbers or text [N]."""
    labels = part.labels
    assert labels is not None
    if isinstance(labels, Tensor):
        array = labels.detach().cpu().numpy()
    else:
        array = labels if isinstance(labels, np.ndarray) else _listed(list(labels))
    refuse_masked(part.what, array, '""' if array.dtype.kind in "SU" else str(UNKNOWN))
    if array.dtype.kind == "S":
        array = np.char.decode(array, "utf-8", "backslashreplace")
    if array.dtype.kind not in "buiU":
        kind = {"f": "floats", "c": "complex numbers", "O": "a mixture"}.get(array.dtype.kind, str(array.dtype))
        raise UserError(f"{part.what} must be whole numbers or texts, got {kind}: convert them to one of these.")
    if array.shape not in ((part.points,), (part.points, 1)):
        more = ", such as y.argmax(1)" if array.ndim == 2 and array.shape[0] == part.points else ""
        raise UserError(
            f"{part.what} must be one number or text for each of {part.points:,} points, got the shape "
            f"{list(array.shape)}: give the number of the class of each point{more}."
        )
    array = array.reshape(-1)
    return array.astype(np.int64) if array.dtype.kind == "b" else array


def _listed(labels: list[Any]) -> np.ndarray:
    """A list as an array; NumPy would turn a mixture of numbers and texts into texts."""
    texts = [isinstance(label, str) for label in labels if label is not None]
    unknown: Any = "" if any(texts) else UNKNOWN
    filled = [unknown if label is None else label for label in labels]
    try:
        return np.array(filled, dtype=object if any(texts) and not all(texts) else None)
    except ValueError:  # lists of different lengths
        return np.array(None)

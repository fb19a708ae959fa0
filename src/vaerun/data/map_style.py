"""A map-style data set of torch ↦ arrays of its points and their labels, read once."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from vaerun.data.data_file import TooLargeError, refuse_too_large
from vaerun.data.labels import UNKNOWN, plain_label
from vaerun.data.progress import shown
from vaerun.errors import RAISED, UserError, close_match

REPEATED = 8
"""Points that are read a second time, to find out whether a data set draws them at random."""
NUMBERS = "biuf"


class Points(NamedTuple):
    """The points [N, …], their labels (None unless every point has one), and whether they differ at each reading."""

    x: np.ndarray
    labels: list[int | str] | None
    drawn: bool
    extra: bool  # whether points have a second value that is no label


def read_points(dataset: Any, key: str) -> Points:
    """All points of ``dataset``: item n is x, or (x, label, …), where x is a tensor, an array or a Pillow image.

    Args:
        dataset: with a length and items 0 … N−1.
        key: that names it, for error messages.

    Raises:
        UserError: the data set has no length, an item cannot be read, or the points differ in shape or type, or do not
        fit into memory.
    """
    count = _length(dataset, key)
    x, label, extra = _item(dataset, 0, key)
    try:
        refuse_too_large(count * x.size, x.itemsize)
    except TooLargeError as error:
        raise UserError(f"{key} cannot be used, because {error}: use fewer points.") from None
    points = np.empty((count, *x.shape), x.dtype)
    labels: list[int | str | None] = []
    for n in shown(range(count), count, f"reading {key}"):
        found, label, more = _item(dataset, n, key)
        if (found.shape, found.dtype) != (x.shape, x.dtype):
            raise UserError(
                f"all points of {key} must have one shape and type, got {list(x.shape)} of {x.dtype} at 0 and "
                f"{list(found.shape)} of {found.dtype} at {n}: make them equal in the data set, such as by resizing."
            )
        points[n] = found
        labels.append(label)
        extra |= more
    again = range(min(count, REPEATED))
    drawn = any(not np.array_equal(_item(dataset, n, key)[0], points[n], equal_nan=_float(x)) for n in again)
    known = [label for label in labels if label is not None]
    return Points(points, known if len(known) == count else None, drawn, extra or 0 < len(known) < count)


def class_names(dataset: Any, labels: Sequence[int | str] | None) -> tuple[str, ...]:
    """The names in ``dataset.classes``, as torchvision has them, if they name the classes that labels 0, 1, … are."""
    names = getattr(dataset, "classes", None)
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names) or labels is None:
        return ()
    return tuple(names) if all(isinstance(n, int) and UNKNOWN <= n < len(names) for n in labels) else ()


def numbers_among(names: tuple[str, ...], dataset: Any, labels: Sequence[int | str]) -> Tensor:
    """The classes of the labels of a data set as places in ``names``, −1 where a label is −1, Int[Tensor, "N"].

    The data set may have names of its own in ``dataset.classes``, in another order or not all of them.

    Args:
        names: of the classes of the training points.
        dataset: the data set.
        labels: of its points.

    Raises:
        UserError: it has a class that is not among ``names``, or two of ``names`` are equal and its own differ.
    """
    own = class_names(dataset, labels) or tuple(names)
    if own == tuple(names) and all(isinstance(n, int) and UNKNOWN <= n < len(own) for n in labels):
        return torch.tensor(labels)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UserError(
            f"the classes of several data sets are matched by their names, which must differ, got {twice} twice: "
            "rename one of them in dataset.classes."
        )
    called = [own[n] if isinstance(n, int) and 0 <= n < len(own) else n for n in labels]
    places: dict[int | str, int] = {UNKNOWN: UNKNOWN, **{name: place for place, name in enumerate(names)}}
    if other := sorted({str(name) for name in called if name not in places}):
        raise UserError(
            f"the classes of every data set must be classes of the training data, {', '.join(names)}, got {other[0]}: "
            f"leave its points out.{close_match(other[0], names)}"
        )
    return torch.tensor([places[name] for name in called])


def _length(dataset: Any, key: str) -> int:
    try:
        count = len(dataset)
    except RAISED as error:
        raise UserError(
            f"{key} must be a map-style data set, with __len__ and __getitem__, and its length cannot be read "
            f"({_text(error)}): use another data set."
        ) from error
    if count < 1:
        raise UserError(f"{key} must hold at least one point, got {count}: check its keys.")
    return count


def _item(dataset: Any, n: int, key: str) -> tuple[np.ndarray, int | str | None, bool]:
    """Point n, its label, and whether it has a second value that is none."""
    try:
        item = dataset[n]
    except RAISED as error:
        raise UserError(f"item {n} of {key} cannot be read ({_text(error)}): correct the data set.") from error
    # A list of lists is one point with two axes; a tuple that begins with a list is a point and its label.
    plain = (int, float) if isinstance(item, tuple) else (int, float, list, tuple)
    pair = isinstance(item, (tuple, list)) and len(item) > 0 and not isinstance(item[0], plain)
    x = _array(item[0] if pair else item, n, key)
    if not pair or len(item) < 2:
        return x, None, False
    label = plain_label(item[1])
    return x, label, label is None


def _array(x: Any, n: int, key: str) -> np.ndarray:
    if isinstance(x, Tensor):
        dense = x.layout == torch.strided and not (x.is_complex() or x.is_meta or x.is_quantized)
        found = x.detach().cpu() if dense else torch.empty(0)
        array = (found.float() if found.dtype == torch.bfloat16 else found).numpy()
    elif isinstance(x, (np.ndarray, list, tuple)) or hasattr(x, "__array_interface__"):
        try:
            array = np.asarray(x)
        except ValueError:  # lists of different lengths
            array = np.array(None)
    else:
        array = np.array(None)
    mode = getattr(x, "mode", "") if hasattr(x, "__array_interface__") and not isinstance(x, np.ndarray) else ""
    if array.dtype.kind not in NUMBERS or array.size == 0 or mode not in ("", "1", "L", "RGB"):
        raise UserError(
            f"item {n} of {key} must be x or (x, label), where x is a tensor, an array of numbers, or a grey or RGB "
            f"image of Pillow, got {type(x).__name__}{mode and f' in mode {mode}'}: convert it in the data set."
        )
    return array.reshape(1) if array.ndim == 0 else array


def _float(x: np.ndarray) -> bool:
    return x.dtype.kind == "f"


def _text(error: BaseException) -> str:
    text = " ".join(str(error).split())[:200]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__

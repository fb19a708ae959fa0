"""Stored rows of three splits, or of new points, ↦ data set, after scaling and binarisation."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from vaerun.data.base import Dataset, Support
from vaerun.data.binarize import SLACK, Binarization, NoBinarization
from vaerun.data.mapped import Rows
from vaerun.data.split import Split, are_counts, fingerprint
from vaerun.errors import UserError

NEW = 3  # the place of new points among the splits, which chooses their stream of random numbers
LARGEST_DIVISOR = 65_535  # of 16 bits; a larger one is told as a factor


def assemble(
    name: str,
    splits: tuple[Rows, Rows, Rows],
    *,
    shape: tuple[int, ...],
    scale: float,
    choice: Binarization,
    said: Sequence[str] = (),
    warnings: Sequence[str] = (),
) -> Dataset:
    """The data set of stored train, valid and test rows, each [N, X] uint8 or float32, after binarisation.

    Float values are finite, or nan where they are missing.

    The rows can be overwritten: uint8 rows are binarised in place, so that there is only one copy of them.

    Args:
        name: of the data set.
        splits: the stored rows.
        shape: of one point.
        scale: the factor of stored values.
        choice: the binarisation.
        said: what was done to the values before, in words.
        warnings: sentences about the points, for the run.

    Raises:
        UserError: the values do not fit the binarisation, the scaled values do not fit into float32, or all training
        points are equal.
    """
    ends = [end for x in splits for end in _ends(x)]
    low, high = min(ends) * scale, max(ends) * scale
    _need_float32(low, high, scale)
    support = _support(splits, scale, low, high)
    choice.check(support=support, low=low, high=high, scale=scale)
    train = choice.train(splits[0], scale)
    if all(bool((rows == train.x[0]).all()) for rows in train.chunks()):
        raise UserError(
            f"the training points must differ, but under data.binarize={choice.name} all {len(train)} of {name} are "
            "the same: check the data and their scale."
        )
    valid, test = (choice.held_out(x, scale, place=place) for place, x in enumerate(splits[1:], start=1))
    return Dataset(
        name=name,
        train=train,
        valid=valid,
        test=test,
        shape=shape,
        binarize=choice.name,
        support=support if isinstance(choice, NoBinarization) else "binary",
        sha256=fingerprint(train, valid, test),
        values="; ".join([*said, *_in_words(support, scale, choice)]) or "as they are",
        warnings=tuple(warnings),
        treatment={"scale": scale, "whole": splits[0].dtype == torch.uint8},
    )


def assemble_new(
    name: str, x: Rows, *, shape: tuple[int, ...], scale: float, choice: Binarization, said: Sequence[str] = ()
) -> Dataset:
    """The data set of new points alone, as the split ``new``, after binarisation; the other arguments as ``assemble``.

    Args:
        name: of the data set.
        x: stored rows [N, X], uint8 or finite float32; uint8 rows are binarised in place.
        shape: of one point.
        scale: the factor of stored values.
        choice: the binarisation.
        said: what was done to the values before, in words.

    Raises:
        UserError: the values do not fit the binarisation, or the scaled values do not fit into float32.
    """
    ends = _ends(x)
    low, high = min(ends) * scale, max(ends) * scale
    _need_float32(low, high, scale)
    support = _support((x,), scale, low, high)
    if support != "binary":  # a few new points may be in {0, 1} where those of the training were not
        choice.check(support=support, low=low, high=high, scale=scale)
    new = choice.held_out(x, scale, place=NEW)
    return Dataset(
        name=name,
        train=new,
        valid=new,
        test=new,
        new=new,
        shape=shape,
        binarize=choice.name,
        support=support if isinstance(choice, NoBinarization) else "binary",
        sha256=fingerprint(new),
        values="; ".join([*said, *_in_words(support, scale, choice)]) or "as they are",
        treatment={"scale": scale},
    )


def _in_words(support: Support, scale: float, choice: Binarization) -> Iterator[str]:
    """What scale and binarisation do to the values. Data in {0, 1} are not changed by a binarisation."""
    if scale != 1:
        whole = round(1 / scale)
        short = 1 < whole <= LARGEST_DIVISOR and abs(whole * scale - 1) < 1e-9
        yield f"divided by {whole}" if short else f"multiplied by {scale:.6g}"
    if choice.does and support != "binary":
        yield f"{choice.does} (data.binarize={choice.name})"


def _need_float32(low: float, high: float, scale: float) -> None:
    """Refuses a scale that makes values infinite or equal in float32."""
    limit = torch.finfo(torch.float32)
    if not limit.tiny <= scale <= limit.max or max(abs(low), abs(high)) > limit.max:
        raise UserError(
            f"the scaled values must be finite and differ in float32, got data.scale={scale:g} and values up to "
            f"{max(abs(low), abs(high)):g}: use data.scale=1 or another scale that maps them near 1."
        )


def _support(splits: tuple[Rows, ...], scale: float, low: float, high: float) -> Support:
    if low < -SLACK or high > 1 + SLACK:
        return "count" if low >= 0 and all(are_counts(rows, scale) for rows in splits) else "real"
    chunks = (_observed(rows) for x in splits for rows in Split(x).chunks())
    return "binary" if all(bool(((rows == 0) | (rows * scale == 1)).all()) for rows in chunks) else "unit"


def _observed(rows: Tensor) -> Tensor:
    """The values of rows [B, X] that are not missing."""
    return rows[~rows.isnan()] if rows.is_floating_point() and bool(rows.isnan().any()) else rows


def _ends(x: Rows) -> list[float]:
    """The smallest and the largest observed value of stored rows [N, X]; none if all values are missing."""
    seen = _observed(x) if isinstance(x, Tensor) else x
    return [seen.min().item(), seen.max().item()] if seen.numel() else []

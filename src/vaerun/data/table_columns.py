"""Cells of a column and its type ↦ a column of x, Float[Array, "N"], and what is recorded about it."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from vaerun.data.cell_text import unit_of
from vaerun.data.column_type import Cells, check, infer, is_zero_one, refuse_empty, shown
from vaerun.data.dequantise import grid_width
from vaerun.data.given import ROUNDING, TINY, as_computed
from vaerun.data.unusable import word
from vaerun.errors import UserError, close_match, counted
from vaerun.notation import Column, Kind


def column_of(
    cells: Cells,
    kind: Kind | None,
    *,
    train: np.ndarray,
    standardise: bool,
    dequantise: bool,
    hidden: np.ndarray | None = None,
) -> tuple[np.ndarray, Column]:
    """A column of x in the units of the table, float64 [N] with nan where a value is missing, and what is known of it.

    Args:
        cells: of the column.
        kind: the type that is declared; None: it is inferred.
        train: the rows of the training points, from which mean and standard deviation are computed.
        standardise: whether real columns are standardised by the model; positive ones always are.
        dequantise: whether real and positive columns that lie on a grid get uniform noise of its width.
        hidden: which values are hidden: nothing but the type and the categories depends on them; None for none.

    Raises:
        UserError: the column has no two different values, or its values do not fit its type.
    """
    refuse_empty(cells)
    kind = infer(cells) if kind is None else kind
    check(cells, kind)
    values, column = _encoded(cells, kind)
    if hidden is not None:
        values = np.where(hidden, np.nan, values)
    width = grid_width(values) if dequantise and kind in ("real", "positive") else 0.0
    scaled = kind == "positive" or (kind == "real" and standardise)
    column = _measured(column._replace(width=width, standardised=scaled), values[train] + width / 2)
    if column.kind == "categorical":
        seen = values[train][~np.isnan(values[train])].astype(int)
        counts = np.bincount(seen, minlength=len(column.categories))
        column = column._replace(shares=tuple((counts / max(1, counts.sum())).tolist()))
    observed = values[~np.isnan(values)]
    low, high = (float(observed.min()), float(observed.max())) if len(observed) else (column.low, column.high)
    return values, column._replace(low=low, high=high, missing=int(np.isnan(values).sum()))


def encode(cells: Cells, column: Column) -> np.ndarray:
    """The cells of another table as the values of a recorded column, float64 [N].

    Raises:
        UserError: a category is not one of those recorded, or the values do not fit the type.
    """
    if not column.categories:
        if column.kind == "binary":
            _refuse_other_bits(cells)
        else:
            check(cells, column.kind, recorded=True)
    return codes_of(cells, column)


def codes_of(cells: Cells, column: Column) -> np.ndarray:
    """As ``encode``, for some rows of a column whose cells have been checked."""
    if not column.categories:
        # Of cells that are all empty, a file does not always say that they are numbers.
        return np.full(len(cells.observed), np.nan) if cells.numbers is None else cells.numbers
    codes = {name: float(code) for code, name in enumerate(column.categories)}
    source = cells.numbers if cells.numbers is not None else cells.texts
    assert source is not None
    names = [shown(value) if seen else None for value, seen in zip(source.tolist(), cells.observed, strict=True)]
    if unknown := [name for name in names if name is not None and name not in codes]:
        raise UserError(
            f"the column {cells.name!r} has the categories {', '.join(column.categories[:8])}"
            f"{', …' if len(codes) > 8 else ''}, but {unknown[0]!r} is none of them: correct it, or leave the cell "
            f"empty.{close_match(unknown[0], codes)}"
        )
    return np.array([np.nan if name is None else codes[name] for name in names])


def rounded(values: np.ndarray, column: Column) -> tuple[np.ndarray, list[str]]:
    """A column of x as float32, and a sentence if float32 merges its values, as of a time in seconds.

    Args:
        values: of the column, float64 [N].
        column: what is known of it.

    Raises:
        UserError: a value does not fit into float32, or all are too small for it.
    """
    with np.errstate(over="ignore", under="ignore"):
        x = values.astype(np.float32)
    if np.isinf(x).any():
        raise UserError(
            f"every value must fit into float32, but the column {column.name!r} holds values up to "
            f"{np.nanmax(np.abs(values)):g}: write it in another unit, or leave it out, "
            f"{word('drop', column.name)}."
        )
    error = np.abs(values - as_computed(x))[~np.isnan(values)].max(initial=0.0)
    if error <= ROUNDING * (column.high - column.low):
        return x, list(_merged_at_zero(values, column))
    if error < TINY:
        raise UserError(
            f"the values of a column must differ in float32, in which numbers below {TINY:.2g} are 0, but the column "
            f"{column.name!r} holds values from {column.low:.3g} to {column.high:.3g}: write it in another unit, or "
            f"leave it out, {word('drop', column.name)}."
        )
    before, after = (len(np.unique(part[~np.isnan(part)])) for part in (values, x))
    return x, [
        f"float32 rounds the column {column.name!r} by up to {error:.2g}, which leaves {after:,} of its {before:,} "
        f"different values: subtract its smallest value {shown(float(column.low))} in the file, or leave the column "
        f"out with {word('drop', column.name)}."
    ]


def _merged_at_zero(values: np.ndarray, column: Column) -> Iterator[str]:
    """A sentence if values of a positive column are 0 in float32, such as p-values of 1e-60."""
    if column.kind == "positive" and (count := int((values < TINY).sum())):
        yield (
            f"{counted(count, 'value')} of the positive column {column.name!r} below {TINY:.2g}, down to "
            f"{column.low:.2g}, cannot be told apart in float32: write the logarithm of the column in the file, or "
            f"leave the column out with {word('drop', column.name)}."
        )


def with_units(columns: Sequence[Column]) -> Iterator[str]:
    """A sentence for each category whose texts are numbers with a unit, such as "12.3 kg".

    They are so if more than half of the texts have the same unit.

    Args:
        columns: those whose type was inferred.
    """
    for column in columns:
        texts = column.categories if column.kind == "categorical" else ()
        units = {text: unit for text in texts if (unit := unit_of(text))}
        if not units:
            continue
        (unit, count), *_ = Counter(units.values()).most_common(1)
        if count > 1 and 2 * count > len(texts):
            example = next(text for text in texts if units.get(text) == unit)
            instead = word("categorical", column.name)
            yield (
                f"the column {column.name!r} was taken for a category of {len(texts)} texts, but {example!r} is a "
                f"number with a unit: take the unit out of the column, or use {instead} if it is one."
            )


def unseen(columns: Sequence[Column]) -> Iterator[str]:
    """A sentence for each column with a category that no training point has."""
    for column in columns:
        missing = [name for name, share in zip(column.categories, column.shares, strict=False) if share == 0]
        if missing:
            yield (
                f"no training point has the category {missing[0]!r} of the column {column.name!r}, so nothing is "
                "learned about it: use another data.split_seed, or put rare categories together."
            )


def _refuse_other_bits(cells: Cells) -> None:
    """Refuses values other than 0 and 1; a few rows may hold only one of them."""
    if odd := [name for name in cells.levels if name not in ("0", "1")]:
        raise UserError(f"the column {cells.name!r} must hold 0 and 1, got {odd[0]}: correct it in the file.")


def _encoded(cells: Cells, kind: Kind) -> tuple[np.ndarray, Column]:
    """The values of a column, and its name, type and categories."""
    named = kind == "categorical"
    if kind == "binary":
        named = cells.numbers is None or not is_zero_one(cells.different)
    column = Column(cells.name, kind, categories=tuple(cells.levels) if named else ())
    return encode(cells, column), column


def _measured(column: Column, train: np.ndarray) -> Column:
    """The column with mean and standard deviation of t(x) over the training values."""
    values = train[~np.isnan(train)]
    if column.kind == "categorical" or not len(values):
        return column
    t = {"positive": np.log, "count": np.log1p}.get(column.kind, np.asarray)(values)
    with np.errstate(over="ignore"):  # values that are too large for float32 are refused when they are rounded to it
        return column._replace(mean=float(t.mean()), std=float(t.std()) or 1.0)

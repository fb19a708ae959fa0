"""The cells of a column ↦ its type: real, positive, count, binary or categorical."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vaerun.data.cell_text import is_date, is_number
from vaerun.data.given import ROUNDING
from vaerun.data.unusable import UnusableColumnError, word
from vaerun.errors import UserError
from vaerun.notation import Kind

if TYPE_CHECKING:
    import pandas

MOST_LEVELS = 50  # of a column of text that is taken for a category
WIDE = 100.0  # the ratio of the largest to the smallest value from which positive values are of type positive
EXACT = 2**53  # float64 holds all whole numbers up to this one exactly
REWRITE_DATES = "write a date as a number, such as days since a date"


class Cells(NamedTuple):
    """The cells of one column: float64 numbers with nan, or texts with None, where a value is missing.

    Whole numbers that float64 merges are texts.
    """

    name: str
    numbers: np.ndarray | None
    texts: np.ndarray | None
    is_category: bool = False  # whether the table declares the column a category

    @property
    def observed(self) -> np.ndarray:
        """Which cells have a value, Bool[Array, "N"]."""
        if self.numbers is not None:
            return ~np.isnan(self.numbers)
        assert self.texts is not None
        return np.array([text is not None for text in self.texts], dtype=bool)

    @property
    def levels(self) -> list[str]:
        """The different values in order, as texts."""
        return [shown(value) for value in self.different]

    @property
    def different(self) -> np.ndarray:
        """The different values in order."""
        values = self.numbers if self.numbers is not None else self.texts
        assert values is not None
        return np.unique(values[self.observed].astype(float if self.numbers is not None else str))


def cells_of(name: str, series: "pandas.Series", kind: Kind | None = None) -> Cells:
    """The cells of a column of a table.

    Args:
        name: of the column.
        series: its values.
        kind: the type that is declared or recorded: classes are read exactly, however large their numbers are.

    Raises:
        UserError: they are dates, lists or other objects, or infinite.
    """
    import pandas

    if isinstance(series.dtype, pandas.CategoricalDtype):
        return cells_of(name, series.astype(object), kind or "categorical")._replace(is_category=True)
    stored = getattr(series.dtype, "kind", "O")
    if stored in "mM":
        raise UnusableColumnError(name, "holds dates or times", REWRITE_DATES)
    merged = _is_merged(series, kind)
    if stored in "biuf" and not merged:
        # A copy, because pandas 3 gives its own memory, which torch may not write to.
        return Cells(name, _finite(name, series.to_numpy(dtype=np.float64, copy=True, na_value=np.nan)), None)
    values = series.to_numpy(dtype=object)
    missing = pandas.isna(series).to_numpy()
    found = {type(value) for value in values[~missing]}
    if found and all(issubclass(each, (bool, int, float)) for each in found) and not merged:
        return Cells(name, _finite(name, np.where(missing, np.nan, values).astype(np.float64)), None)
    if found - {str, bool, int, float}:
        odd = sorted(each.__name__ for each in found - {str})[0]
        raise UserError(
            f"the column {name!r} must hold numbers or texts, got a {odd}: leave it out, {word('drop', name)}, or "
            "write it as numbers."
        )
    texts = np.array([None if gone else str(value) for value, gone in zip(values, missing, strict=True)], dtype=object)
    return Cells(name, None, texts)


def infer(cells: Cells) -> Kind:
    """The type that the values of a column suggest; that of a column that the table declares a category is known.

    0 and 1 are binary; texts are categorical; whole numbers of which the smallest is 0 or 1 are counts; numbers > 0
    over a factor of 100 or more are positive; all others are real.

    Raises:
        UserError: a column of text has too many different values, or texts among numbers.
    """
    if cells.is_category:
        _refuse_many(cells)
        return "categorical"
    if cells.texts is not None:
        _refuse_free_text(cells)
        return "categorical"
    values = cells.different
    if is_zero_one(values):
        return "binary"
    if values[0] in (0.0, 1.0) and bool((values == np.round(values)).all()):
        return "count"
    return "positive" if values[0] > 0 and values[-1] >= WIDE * values[0] else "real"


def is_zero_one(different: np.ndarray) -> bool:
    """Whether the different values of a column are 0, 1, or both."""
    return len(different) <= 2 and set(different) <= {0.0, 1.0}


def refuse_empty(cells: Cells) -> None:
    """Refuses a column without values, or with one value only.

    Raises:
        UserError: the column, and how to leave it out.
    """
    if not cells.observed.any():
        raise UnusableColumnError(cells.name, "has no value in any row")
    numbers = cells.numbers
    several = len(cells.different) > 1 if numbers is None else bool(np.nanmin(numbers) < np.nanmax(numbers))
    if not several:
        first = cells.levels[0]
        large = numbers is not None and float(np.nanmax(np.abs(numbers))) > EXACT
        raise UnusableColumnError(
            cells.name,
            f"has the value {first} in every row{', as float64 holds it' * large}, so it has no distribution to learn",
            "subtract an offset in the file if the values differ" if large else "",
        )


def check(cells: Cells, kind: Kind, *, recorded: bool = False) -> None:
    """Refuses values that a type excludes.

    Args:
        cells: of the column.
        kind: the type.
        recorded: whether it is that of a run, which keeps it; otherwise a key can declare another one.

    Raises:
        UserError: the column, a value and its row, and another type.
    """
    name = cells.name
    needs = f"the type {kind} of the training data needs" if recorded else f"data.{kind} needs"
    if not cells.observed.any():  # of cells that are all empty, a file does not always say that they are numbers
        return
    if kind in ("real", "positive", "count") and cells.numbers is None:
        assert cells.texts is not None
        row = next((row for row, text in enumerate(cells.texts) if text is not None and not is_number(text)), None)
        if row is None:
            raise _not_read_as_numbers(cells, recorded=recorded)
        remedy = "correct it" if recorded else f"use {word('categorical', name)}, or empty cells for missing values"
        raise UserError(
            f"{needs} numbers, but the column {name!r} holds the text {cells.texts[row]!r} in row {row} "
            f"(from 0): {remedy}."
        )
    if kind == "binary" and (count := len(cells.different)) != 2:
        raise UserError(
            f"data.binary needs two different values, but the column {name!r} has {count}: use "
            f"{word('categorical', name)}."
        )
    if cells.numbers is None or kind not in ("positive", "count"):
        return
    values = np.where(cells.observed, cells.numbers, 1.0)
    wrong = values <= 0 if kind == "positive" else (values < 0) | (values != np.round(values))
    if wrong.any():
        row = int(np.argmax(wrong))
        rule = "numbers above 0" if kind == "positive" else "whole numbers of at least 0"
        remedy = "correct it" if recorded else f"use {word('real', name)}"
        raise UserError(
            f"{needs} {rule}, but the column {name!r} holds {values[row]:g} in row {row} (from 0): {remedy}."
        )


def shown(value: object) -> str:
    """A value as text: a whole number without a decimal point."""
    if not isinstance(value, float):
        return str(value)
    return str(int(value)) if abs(value) <= EXACT and value.is_integer() else f"{value:.15g}"


def _refuse_free_text(cells: Cells) -> None:
    texts = cells.levels
    numbers: Sequence[str] = [text for text in texts if is_number(text)]
    if 2 * len(numbers) > len(texts):
        odd = next((text for text in texts if not is_number(text)), None)
        if odd is None:
            raise _not_read_as_numbers(cells)
        raise UserError(
            f"the column {cells.name!r} holds numbers and also the text {odd!r}: write an empty cell where a value is "
            f"missing, or use {word('categorical', cells.name)}."
        )
    if 2 * sum("," in text and is_number(text.replace(",", "")) for text in texts) > len(texts):
        example = next(text for text in texts if "," in text)
        raise UnusableColumnError(
            cells.name,
            f"holds numbers with a comma, such as {example!r}",
            "write the numbers with a decimal point and without other marks",
        )
    dates = [text for text in texts if is_date(text)]
    if 2 * len(dates) > len(texts):
        raise UnusableColumnError(
            cells.name, f"holds dates or times, such as {dates[0]!r}", REWRITE_DATES, or_category=True
        )
    _refuse_many(cells)


def _refuse_many(cells: Cells) -> None:
    if (count := len(cells.different)) > MOST_LEVELS:
        what = "texts" if cells.numbers is None else "values"
        raise UnusableColumnError(
            cells.name,
            f"has {count:,} different {what}, more than the {MOST_LEVELS} of a category",
            or_category=True,
        )


def _not_read_as_numbers(cells: Cells, *, recorded: bool = False) -> UserError:
    """The error about a column of text in which all texts are numbers."""
    levels = cells.levels
    category = "" if recorded else f", or use {word('categorical', cells.name)}"
    if not recorded and all(re.fullmatch(r"[-+]?\d+", text) for text in levels):
        low, high = min(map(int, levels)), max(map(int, levels))
        if max(high, -low) > EXACT:
            near = f"subtract its smallest value {low} in the file" if high - low <= EXACT else ""
            return UnusableColumnError(
                cells.name,
                f"holds whole numbers from {low} to {high}, whose differences float64 does not hold",
                near,
                or_category=len(levels) <= MOST_LEVELS,
            )
    return UserError(
        f"the column {cells.name!r} holds numbers that are written as texts, such as {levels[0]!r}: save it as "
        f"numbers{category}."
    )


def _is_merged(series: "pandas.Series", kind: Kind | None) -> bool:
    """Whether float64 merges whole numbers: some of those that are classes, nearly all of those whose type is open."""
    if kind not in ("categorical", None):
        return False
    if series.dtype == object:
        whole = series[[type(value) is int for value in series]]
    elif getattr(series.dtype, "kind", "O") in "iu":
        whole = series.dropna()
    else:
        return False
    if not len(whole):
        return False
    low, high = int(whole.min()), int(whole.max())
    if max(high, -low) <= EXACT:
        return False
    error = float(np.spacing(float(max(high, -low)))) / 2
    return kind == "categorical" or error > ROUNDING * (high - low)


def _finite(name: str, values: np.ndarray) -> np.ndarray:
    if np.isinf(values).any():
        row = int(np.argmax(np.isinf(values)))
        raise UserError(
            f"every value must be finite, but the column {name!r} holds {values[row]} in row {row} (from 0): write an "
            "empty cell, or another value."
        )
    return values

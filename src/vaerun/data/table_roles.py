"""Which columns of a table are x, and what the others say about its rows: class, name, split."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import get_args

import numpy as np
import torch
from torch import Tensor

from vaerun.data.column_type import Cells, shown
from vaerun.errors import UserError, close_match
from vaerun.notation import Kind

SPLITS = ("train", "valid", "test")


def listed(given: str | Sequence[str | int] | None) -> list[str]:
    """The names and patterns that a key holds."""
    return [] if given is None else [given] if isinstance(given, str) else [str(each) for each in given]


def matching(key: str, patterns_or_names: Sequence[str], names: Sequence[str], *, patterns: bool = True) -> list[str]:
    """The names, in their order, that a list names or whose pattern they fit.

    Raises:
        UserError: a name or pattern fits no column.
    """
    found = set()
    for one in patterns_or_names:
        fits = [one] if one in names else [name for name in names if patterns and fnmatchcase(name, one)]
        if not fits:
            of = "of x " if key.partition(".")[2] in get_args(Kind) else ""
            shown = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
            raise UserError(
                f"{key} names the column {one!r}, but the columns {of}are {shown}: name one of them."
                f"{close_match(one, names)}"
            )
        found.update(fits)
    return [name for name in names if name in found]


def conditions(asked: Sequence[str], names: Sequence[str], used: Mapping[str, str]) -> list[str]:
    """The columns that ``data.condition`` names, in the order of the table; y is the label and no column.

    Args:
        asked: what the key holds.
        names: of all columns.
        used: the keys ``label``, ``index`` and ``split``, by the name of their column.

    Raises:
        UserError: a column does not exist, names the rows or their split, or y can be the label or another column.
    """
    label = next((name for name, role in used.items() if role == "label"), None)
    if "y" in asked and "y" in names and label != "y":
        remedy = "use data.label=y" if label is None else "rename this column"
        raise UserError(f"data.condition=y is the label, but the table has a column y that is not the label: {remedy}.")
    found = matching("data.condition", [name for name in asked if name != "y"], names, patterns=False)
    for name in found:
        if used.get(name) in ("index", "split"):
            raise UserError(
                f"data.condition names the column {name!r}, but data.{used[name]} names it, too, and it says nothing "
                "about a new point: leave it out of one of them."
            )
        if "=" in name:
            raise UserError(
                f"data.condition names the column {name!r}, but a value is given as NAME=VALUE: give the column a name "
                "without =."
            )
    return found


def texts_of(cells: Cells) -> list[str | None]:
    """The cells as texts."""
    if cells.texts is not None:
        return list(cells.texts)
    assert cells.numbers is not None
    return [None if np.isnan(value) else shown(value) for value in cells.numbers.tolist()]


def class_numbers(cells: Cells) -> Tensor:
    """The number of the class of each row, Int[Tensor, "N"], -1 where the cell has no value."""
    places = {name: number for number, name in enumerate(cells.levels)}
    return torch.tensor([-1 if text is None else places[text] for text in texts_of(cells)])


def split_rows(cells: Cells) -> tuple[Tensor, ...]:
    """The rows of train, valid and test.

    Raises:
        UserError: a cell has another word, or a split has too few rows.
    """
    words = np.array([text or "" for text in texts_of(cells)])
    for row, word in enumerate(words):
        if word not in SPLITS:
            raise UserError(
                f"data.split needs the words train, valid and test, but the column {cells.name!r} holds {str(word)!r} "
                f"in row {row} (from 0): correct it, or leave out data.split.{close_match(str(word), SPLITS)}"
            )
    rows = tuple(torch.from_numpy(np.flatnonzero(words == split)) for split in SPLITS)
    if len(rows[0]) < 2 or min(map(len, rows)) < 1:
        sizes = ", ".join(f"{split} {len(part)}" for split, part in zip(SPLITS, rows, strict=True))
        raise UserError(
            f"valid and test need 1 point each and train needs 2, but the column {cells.name!r} gives {sizes}: change "
            "it, or leave out data.split."
        )
    return rows

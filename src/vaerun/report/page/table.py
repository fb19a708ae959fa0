"""The comparison table for the HTML report: every cell as ``vaerun compare`` prints it."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from vaerun.report import text
from vaerun.report.cell import Cell, cells
from vaerun.report.column import Column
from vaerun.report.comparison import Comparison
from vaerun.report.page.style import Style, styles
from vaerun.report.row import Row


class Head(NamedTuple):
    """The title of a column, and its unit where numbers need one."""

    title: str
    unit: str


class Number(NamedTuple):
    """A cell: the value, its interval, and a mark; each is empty where there is none."""

    value: str
    error: str
    mark: str


class Line(NamedTuple):
    """A configuration, a remark on its seeds and runs, and its numbers."""

    name: str
    style: Style
    remark: str
    numbers: Sequence[Number]


class Table(NamedTuple):
    """Titles and lines."""

    heads: Sequence[Head]
    lines: Sequence[Line]


class Legend(NamedTuple):
    """The names and line styles of several plots, and how many lines beyond them have the grey style."""

    entries: Sequence[tuple[str, Style]]
    others: int
    rest: Style | None


def table(comparison: Comparison) -> Table:
    """The whole table."""
    columns = [cells(comparison.rows, column) for column in comparison.columns]
    lines = [
        Line(row.name, style, _remark(row), [_number(column[index]) for column in columns])
        for index, (row, style) in enumerate(zip(comparison.rows, styles(len(comparison.rows)), strict=True))
    ]
    return Table([_head(column) for column in comparison.columns], lines)


def notes(comparison: Comparison) -> list[str]:
    """What the signs in the table mean, and the notes on the comparison."""
    return [" ".join(line.split()) for line in [*text.legend(comparison), *comparison.notes]]


def legend(lines: Iterable[tuple[str, Style]]) -> Legend:
    """Each line of the plots by name; lines beyond the palette are only counted."""
    lines = list(lines)
    rest = [style for _, style in lines if not style.marker]
    return Legend([line for line in lines if line[1].marker], len(rest), rest[0] if rest else None)


def _head(column: Column) -> Head:
    return Head(column.title, column.unit if column.unit == "nat" else "")


def _number(cell: Cell | None) -> Number:
    if cell is None:
        return Number(text.ABSENT, "", "")
    return Number(cell.text, cell.written().removeprefix(cell.text), cell.mark)


def _remark(row: Row) -> str:
    """How many seeds the numbers are from, and the status of the runs unless all of them completed."""
    seeds = f"{row.seeds} seed{'' if row.seeds == 1 else 's'}"
    return seeds if row.status == "completed" else f"{seeds} · {row.status}"

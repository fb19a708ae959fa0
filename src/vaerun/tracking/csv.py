"""metrics.csv: the records of a run as one table, for spreadsheets, R and pandas."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, final

from vaerun.system.files import named, open_to_read
from vaerun.system.whole_file import open_to_append, replacing
from vaerun.tracking.base import POSITION, Tracker

NAME = "metrics.csv"


@final
class Csv(Tracker):
    """Writes metrics.csv: one row per record, one column per metric, such as elbo/valid.

    The table is wide, because a spreadsheet and ``pandas.read_csv`` can plot it without a transformation. A metric that
    comes later, such as the first validation, adds a column at the right; the file is then written again as a whole.
    This happens a few times in a run. Columns never move. An empty field says that the record has no such metric; a
    value that is not finite is ``nan`` or ``inf``.

    Args:
        directory: the run directory.
        purge_after: the step of the checkpoint that the run continues from; later rows are removed (-1: all).
    """

    outside: ClassVar[bool] = False

    def __init__(self, directory: Path, *, purge_after: int = -1) -> None:
        self._path = directory / NAME
        self._columns, rows = _table(self._path, purge_after) if self._path.exists() else ([], [])
        self._columns = self._columns or list(POSITION)
        # The results at the end of a run have the step of its last record; a run that is trained longer has others.
        first = {row[0]: row for row in reversed(rows)}
        self._write([row for row in rows if first[row[0]] is row])
        self._file = open_to_append(self._path)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        record = {"step": step, **values}
        if new := [tag for tag in record if tag not in self._columns]:
            self._file.close()
            _, rows = _table(self._path, step)
            self._columns += new
            self._write(rows)
            self._file = open_to_append(self._path)
        content = _lines([[record.get(column, "") for column in self._columns]])
        with named(self._path):
            while content:  # a full disk may take a part
                content = content[self._file.write(content) :]

    def close(self, status: str) -> None:
        self._file.close()

    def _write(self, rows: Sequence[Sequence[str]]) -> None:
        """Writes the columns and the rows, which may have fewer fields, in the place of the file."""
        width = len(self._columns)
        with replacing(self._path) as file:
            file.write(_lines([self._columns, *([*row, *[""] * (width - len(row))] for row in rows)]))


def _table(path: Path, last_step: int) -> tuple[list[str], list[list[str]]]:
    """The columns of the file, and its rows up to a step; a half-written row, left by a killed run, is left out."""
    with open_to_read(path) as file:
        text = file.read().decode(errors="replace")
    columns, *rows = list(csv.reader(io.StringIO(text[: text.rfind("\n") + 1]))) or [[]]
    if columns[:1] != ["step"]:
        return [], []
    return columns, [row for row in rows if len(row) == len(columns) and _is_step(row[0], last_step)]


def _is_step(field: str, last_step: int) -> bool:
    return field.isascii() and field.isdecimal() and int(field) <= last_step


def _lines(rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()

"""One cell of the table: a mean, the half-width of its 95 % interval, and whether it is the best of its column."""

from collections.abc import Sequence
from typing import NamedTuple

from vaerun.metric.interval import Interval, interval
from vaerun.report.column import READ, Column, writer
from vaerun.report.row import Row, best, unseparated


class Cell(NamedTuple):
    """One cell in text form.

    Attributes:
        interval: the number and its interval.
        seeds: how many seeds it is the mean of.
        text: the mean.
        error: the half width; empty if it is unknown or all seeds have the same value.
        mark: ``*`` if it is better than every other cell of its column beyond doubt, ``~`` if it is one of several
            that cannot be told from the first, or empty.
    """

    interval: Interval
    seeds: int
    text: str
    error: str
    mark: str

    def written(self, plus_minus: str = "±") -> str:
        """``-27.42 ± 0.10``, or ``-27.42 (± 0.40)`` where the interval is over the points of one seed."""
        if not self.error:
            return self.text
        within = f"{plus_minus} {self.error}"
        return f"{self.text} ({within})" if self.interval.kind == "points" else f"{self.text} {within}"


def cells(rows: Sequence[Row], column: Column) -> list[Cell | None]:
    """The cells of a column; None if a row does not have the metric."""
    samples = [row.samples.get(column.name) for row in rows]
    found = [interval(sample) if sample is not None else None for sample in samples]
    write = writer(column, [one for one in found if one is not None])
    leader, level = best(rows, column), unseparated(rows, column)
    made: list[Cell | None] = []
    for row, sample, one in zip(rows, samples, found, strict=True):
        if sample is None or one is None:
            made.append(None)
            continue
        if column.title.startswith(READ):  # a place without an uncertainty
            low, high = write(min(sample.values)), write(max(sample.values))
            text = low if low == high else f"{low} to {high}"
            made.append(Cell(Interval(one.mean, None, None), len(sample.values), text, "", ""))
            continue
        mark = "*" if row is leader else "~" if row in level else ""
        error = write(one.half_width) if one.half_width else ""
        made.append(Cell(one, len(sample.values), write(one.mean), "" if error == "0" else error, mark))
    return made

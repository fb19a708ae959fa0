"""A row of the table: a configuration, its runs, and the values of every metric over seeds."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vaerun.errors import counted
from vaerun.metric.interval import Sample, difference
from vaerun.report.column import COSTS, Column, writer
from vaerun.report.entry import Entry
from vaerun.report.same_data import other_values

MACHINE = ("seconds", "compile_seconds", "samples_per_second", "peak_memory")  # depend on the machine and its load
TOLERANCE = 0.1
"""The relative difference up to which costs count as equal: two runs of one configuration differ by as much."""


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        name: the settings in which it differs from the others.
        settings: the same as keys and values.
        entries: its runs.
        samples: by column name.
        raced: whether it has runs of a race, whose results decided how many seeds there are.
    """

    name: str
    settings: Mapping[str, Any]
    entries: tuple[Entry, ...]
    samples: Mapping[str, Sample]
    raced: bool = False

    @property
    def seeds(self) -> int:
        """The number of seeds that its metrics are means over."""
        return sum(entry.used for entry in self.entries)

    @property
    def statuses(self) -> dict[str, int]:
        """The number of its runs with each status, the most frequent first."""
        return dict(Counter(entry.run.status for entry in self.entries).most_common())

    @property
    def status(self) -> str:
        """``completed``, or ``2 completed, 1 diverged``."""
        counts = self.statuses
        return next(iter(counts)) if len(counts) == 1 else ", ".join(f"{n} {word}" for word, n in counts.items())


def ranked(rows: Sequence[Row], column: Column) -> list[Row]:
    """The rows that can be compared in a column, best first.

    A mean below the minimum of its metric is left out. A negative gap, for example, shows that q* or log p(x) was not
    estimated well enough.
    """
    having = [row for row in rows if column.name in row.samples]
    if column.minimum is not None:
        having = [row for row in having if row.samples[column.name].mean >= column.minimum]
    return sorted(having, key=lambda row: -column.better * row.samples[column.name].mean)


def best(rows: Sequence[Row], column: Column) -> Row | None:
    """The row that is better than every other row of a column beyond doubt; None if there is none.

    Every row needs two seeds or more, and the 95 % interval of the difference to every other row, over seeds, must not
    contain 0. A cost must also be better by more than ``TOLERANCE``. Figures of different machines have no best, and
    neither have metrics of different data.
    """
    having = ranked(rows, column)
    if len(having) < 2 or not column.better or any(len(row.samples[column.name].values) < 2 for row in having):
        return None
    if any(row.raced for row in having) or (column.name in MACHINE and len(machines(having)) > 1):
        return None
    if of_other_data(having, column) is not None:
        return None
    leader, *others = having
    return None if any(is_tied(row, leader, column) for row in others) else leader


def unseparated(rows: Sequence[Row], column: Column) -> list[Row]:
    """The first row of a column and those that cannot be told from it; empty if there are none, or in a race."""
    having = ranked(rows, column)
    if not column.better or not having or any(row.raced for row in having):
        return []
    if of_other_data(having, column) is not None:
        return []
    tied = [row for row in having[1:] if is_tied(row, having[0], column)]
    return [having[0], *tied] if tied else []


def of_other_data(rows: Sequence[Row], column: Column) -> str | None:
    """How the data of the rows differ, where that makes a metric incomparable; None where not, and for a cost."""
    if column.name in COSTS:
        return None
    return other_values([entry.run for row in rows for entry in row.entries if entry.used])


def is_tied(row: Row, leader: Row, column: Column) -> bool:
    """Whether neither row can be called better.

    The 95 % interval of their difference contains 0, also as it is written, or two costs are within ``TOLERANCE``.
    """
    if column.name not in row.samples:
        return False
    ours, theirs = leader.samples[column.name], row.samples[column.name]
    found = difference(ours, theirs)
    if column.name in COSTS and abs(found.mean) <= TOLERANCE * max(abs(ours.mean), abs(theirs.mean)):
        return True
    if found.half_width is None:
        return False
    write = writer(column, [found])
    return abs(found.mean) <= found.half_width or write(abs(found.mean)) == write(found.half_width)


def machines(rows: Sequence[Row]) -> set[str]:
    """The devices and numbers of threads of the compared runs."""
    used = [entry.run.summary for row in rows for entry in row.entries if entry.used]
    return {f"{summary['device']}, {_threads(summary.get('threads'))}" for summary in used if "device" in summary}


def _threads(count: object) -> str:
    return counted(count, "thread") if isinstance(count, int) else "an unknown number of threads"

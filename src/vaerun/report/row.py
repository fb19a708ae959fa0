"""A row of the table: a configuration, its runs, and the values of every metric over seeds."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vaerun.metric.interval import Sample, difference
from vaerun.report.column import Column
from vaerun.report.entry import Entry


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        name: the settings in which it differs from the others.
        settings: the same as keys and values.
        entries: its runs.
        samples: by column name.
    """

    name: str
    settings: Mapping[str, Any]
    entries: tuple[Entry, ...]
    samples: Mapping[str, Sample]

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


def best(rows: Sequence[Row], column: Column) -> list[Row]:
    """The rows with the best mean of a column; empty if no direction is better or all means are equal."""
    having = ranked(rows, column)
    means = [row.samples[column.name].mean for row in having]
    if not column.better or len(set(means)) < 2:
        return []
    return [row for row, mean in zip(having, means, strict=True) if mean == means[0]]


def is_tied(row: Row, leader: Row, name: str) -> bool:
    """Whether the 95 % interval of their difference contains zero, so that neither can be called better."""
    if name not in row.samples:
        return False
    found = difference(leader.samples[name], row.samples[name])
    return found.half_width is not None and abs(found.mean) <= found.half_width

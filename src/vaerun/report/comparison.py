"""One row per configuration, one cell per metric: its mean over seeds and the 95 % interval of that mean."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vaerun.errors import UserError, close_match
from vaerun.metric.interval import Sample
from vaerun.metric.metric import Metric, error_of, is_error
from vaerun.report import column as columns_
from vaerun.report import raced, same_data, searched
from vaerun.report.answer import answer
from vaerun.report.budget import budgets
from vaerun.report.column import Column, column
from vaerun.report.configuration import group, names, settings
from vaerun.report.entry import Entry, entries
from vaerun.report.matched import At
from vaerun.report.notes import notes
from vaerun.report.recorded import Recorded
from vaerun.report.row import Row
from vaerun.report.searched import Searched, searches


@dataclass(frozen=True)
class Comparison:
    """A comparison of runs, ready for output.

    Attributes:
        at: the cost at which the runs are compared; None for their end.
        columns: the columns, in order.
        headline: the column of the answer; None if no run has a bound.
        rows: the configurations, best first.
        budgets: budgets in which the runs differ, and their values.
        answer: one sentence.
        notes: remarks below the table.
        declared: the metrics of the runs, by quantity.
        searches: the searches whose trials are among the runs.
    """

    at: At | None
    columns: tuple[Column, ...]
    headline: Column | None
    rows: tuple[Row, ...]
    budgets: Mapping[str, Sequence[str]]
    answer: str
    notes: tuple[str, ...]
    declared: Mapping[str, Metric]
    searches: tuple[Searched, ...] = ()

    def column(self, name: str) -> Column:
        """The column of a metric or a cost, also of one that is not shown."""
        return column(name, self.declared)


def compare(
    runs: Sequence[Recorded],
    *,
    at: At | None = None,
    mixed: bool = False,
    shown: Sequence[str] | None = None,
    sort: str | None = None,
) -> Comparison:
    """The comparison of ``runs``.

    Args:
        runs: from ``recorded.find``.
        at: compare validation bounds at this cost, instead of the test metrics at the end.
        mixed: compare runs with different data, too.
        shown: the columns; None for those that answer the question.
        sort: the column to order by, best first; None for the bound.

    Raises:
        UserError: the runs use different data, or a column does not exist.
    """
    groups = group(runs)
    told = settings(groups)
    made = [entries(some, at) for some in groups]
    used = [entry.run for some in made for entry in some if entry.used]
    if used and not mixed:
        same_data.require(used)
    split = "test" if at is None else "valid"
    declared = _declared(runs)
    recorded = {name for some in made for entry in some for name in entry.metrics}
    present = {name for name in recorded if not is_error(name)}
    default = columns_.default(recorded, split, declared)
    chosen = default if shown is None else [resolve(name, present, split) for name in shown]
    ordering = resolve(sort, {*present, "name"}, split) if sort is not None else None
    headline = _headline(ordering, default, declared)
    of_races, of_searches = raced.races(used), searches(used)
    rows = [
        Row(name, setting, tuple(some), _samples(some, present), _any_raced(some, of_races))
        for name, setting, some in zip(names(groups, told), told, made, strict=True)
    ]
    if ordering is None:
        rows = _sorted(rows, headline)
    else:
        rows = _sorted(rows, None if ordering == "name" else column(ordering, declared))
    different = budgets(rows, at)
    of_runs = notes(rows, chosen, at, declared)
    whole = at is None and all(run.directory.parent in of_races for run in used)
    return Comparison(
        at,
        tuple(column(name, declared, at.cost if at is not None else None) for name in chosen),
        headline,
        tuple(rows),
        different,
        raced.answer(of_races, whole=whole) if of_races else answer(rows, headline, at, different),
        (*raced.notes(of_races), *of_runs, *searched.notes(of_searches)),
        declared,
        tuple(of_searches),
    )


def sample(some: Sequence[Entry], tag: str) -> Sample | None:
    """The values of one metric, for the seeds that have it."""
    having = [entry.metrics for entry in some if tag in entry.metrics]
    if not having:
        return None
    error = having[0].get(error_of(tag)) if len(having) == 1 else None
    return Sample(tuple(metrics[tag] for metrics in having), error)


def _samples(some: Sequence[Entry], present: set[str]) -> dict[str, Sample]:
    return {tag: cell for tag in present if (cell := sample(some, tag)) is not None}


def _any_raced(some: Sequence[Entry], of_races: Mapping[Path, raced.Raced]) -> bool:
    return any(entry.run.directory.parent in of_races for entry in some)


def resolve(word: str, present: set[str], split: str) -> str:
    """The metric that ``word`` names, with or without its split.

    Raises:
        UserError: no run has it.
    """
    for name in (word, f"{word}/{split}"):
        if name in present:
            return name
    known = sorted(name.removesuffix(f"/{split}") for name in present)
    raise UserError(f"no run has the metric {word!r}.{close_match(word, known)} The metrics are {', '.join(known)}.")


def _declared(runs: Sequence[Recorded]) -> dict[str, Metric]:
    """The declared metrics of all runs; if two runs declare one differently, the newest run counts."""
    declared: dict[str, Metric] = {}
    for run in sorted(runs, key=lambda run: run.written):
        declared |= run.declared
    return declared


def _headline(ordering: str | None, default: Sequence[str], declared: Mapping[str, Metric]) -> Column | None:
    """The column of the answer: the sort column or the first one, if it is in nats and has a better direction."""
    names = [*([ordering] if ordering not in (None, "name") else []), *default[:1]]
    for asked in (column(name, declared) for name in names):
        if asked.better and asked.unit == "nat":
            return asked
    return None


def _sorted(rows: Sequence[Row], by: Column | None) -> list[Row]:
    """The rows sorted by a column, the best first; by name without a column."""

    def place(row: Row) -> tuple[bool, float, str]:
        if by is None:
            return (False, 0.0, row.name)
        if by.name not in row.samples:
            return (True, 0.0, row.name)
        return (False, (-1 if by.better > 0 else 1) * row.samples[by.name].mean, row.name)

    return sorted(rows, key=place)

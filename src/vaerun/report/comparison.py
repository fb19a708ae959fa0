"""One row per configuration, one cell per figure: its mean over seeds and how far that can be trusted."""

from collections.abc import Sequence
from dataclasses import dataclass

from vaerun.errors import UserError, close_match
from vaerun.metric.interval import Sample
from vaerun.report import column as columns_
from vaerun.report import same_data
from vaerun.report.answer import answer
from vaerun.report.column import Column, column
from vaerun.report.configuration import group, names, settings
from vaerun.report.entry import Entry, entries
from vaerun.report.matched import At
from vaerun.report.notes import notes
from vaerun.report.recorded import Recorded
from vaerun.report.row import Row


@dataclass(frozen=True)
class Comparison:
    """The whole answer, ready to be written down.

    Attributes:
        at: the cost at which the runs were read; None for their end.
        columns: what is shown, in order.
        headline: the column the answer is about; None where no run has a bound.
        rows: the configurations, best first.
        answer: one sentence.
        notes: what must be known to read it.
    """

    at: At | None
    columns: tuple[Column, ...]
    headline: Column | None
    rows: tuple[Row, ...]
    answer: str
    notes: tuple[str, ...]


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
        at: compare validation bounds at this cost, instead of the test figures at the end.
        mixed: also where the data differ.
        shown: the columns; None for those that answer the question.
        sort: the column to order by, best first; None for the bound.

    Raises:
        UserError: the runs are of different data, or there is no such column.
    """
    groups = group(runs)
    told = settings(groups)
    made = [entries(some, at) for some in groups]
    used = [entry.run for some in made for entry in some if entry.used]
    if used and not mixed:
        same_data.require(used)
    split = "test" if at is None else "valid"
    present = {name for some in made for entry in some for name in entry.figures if not columns_.is_error(name)}
    default = columns_.default(present, split)
    chosen = default if shown is None else [resolve(name, present, split) for name in shown]
    ordering = resolve(sort, {*present, "name"}, split) if sort is not None else None
    headline = _headline(ordering, default)
    rows = [
        Row(name, setting, tuple(some), {tag: cell for tag in present if (cell := sample(some, tag)) is not None})
        for name, setting, some in zip(names(groups, told), told, made, strict=True)
    ]
    rows = _sorted(rows, ordering or (headline.name if headline else "name"))
    return Comparison(
        at,
        tuple(column(name, at.cost if at is not None else None) for name in chosen),
        headline,
        tuple(rows),
        answer(rows, headline, at),
        tuple(notes(rows, chosen, at)),
    )


def sample(some: Sequence[Entry], tag: str) -> Sample | None:
    """One figure of those seeds that have it."""
    having = [entry.figures for entry in some if tag in entry.figures]
    if not having:
        return None
    error = having[0].get(columns_.error_of(tag)) if len(having) == 1 else None
    return Sample(tuple(figures[tag] for figures in having), error)


def resolve(word: str, present: set[str], split: str) -> str:
    """The figure that ``word`` names, with or without its split.

    Raises:
        UserError: no run has it.
    """
    for name in (word, f"{word}/{split}"):
        if name in present:
            return name
    known = sorted(name.removesuffix(f"/{split}") for name in present)
    raise UserError(f"no run here has the figure {word!r}.{close_match(word, known)} There are {', '.join(known)}.")


def _headline(ordering: str | None, default: Sequence[str]) -> Column | None:
    if ordering is not None and ordering != "name":
        asked = column(ordering)
        if asked.better and asked.unit == "nat":
            return asked
    first = next(iter(default), None)
    return column(first) if first is not None and column(first).better and column(first).unit == "nat" else None


def _sorted(rows: Sequence[Row], name: str) -> list[Row]:
    def place(row: Row) -> tuple[bool, float, str]:
        if name not in row.samples:
            return (True, 0.0, row.name)
        return (False, (-1 if column(name).better > 0 else 1) * row.samples[name].mean, row.name)

    return sorted(rows, key=place)

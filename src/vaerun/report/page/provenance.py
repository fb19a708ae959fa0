"""Where the figures come from: data, split, points, versions, machine, and what each figure is a bound on."""

import json
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Any

from vaerun import __version__
from vaerun.report.comparison import Comparison
from vaerun.report.recorded import Recorded, mapping


def provenance(comparison: Comparison) -> str:
    """A list of facts, those in which the runs differ with every value."""
    runs = [entry.run for row in comparison.rows for entry in row.entries if entry.used]
    facts = "".join(f"<dt>{escape(term)}</dt><dd>{escape(text)}</dd>" for term, text in _facts(comparison, runs))
    said = _together((column.title, column.meaning or None) for column in comparison.columns)
    meanings = "".join(f"<dt>{escape(titles)}</dt><dd>{escape(text)}</dd>" for text, titles in said.items())
    return (
        f"<h2>What the figures are of</h2><dl>{facts}</dl>"
        f"<details open><summary>What each column is, and what it is a bound on</summary><dl>{meanings}</dl></details>"
    )


def title(comparison: Comparison) -> str:
    """The data, and how many runs there are."""
    runs = [entry.run for row in comparison.rows for entry in row.entries]
    data = _values([f"{run.data.get('name')} ({run.data.get('binarize')})" for run in runs if run.data], 2)
    counts = f"{_plural(len(comparison.rows), 'configuration')}, {_plural(len(runs), 'run')}"
    at = f", compared at {comparison.at.words}" if comparison.at is not None else ""
    return f"{data} · {counts}{at}" if data else f"{counts}{at}"


def _facts(comparison: Comparison, runs: Sequence[Recorded]) -> Iterator[tuple[str, str]]:
    split, points = ("test", _test_points) if comparison.at is None else ("valid", _valid_points)
    moment = "the best checkpoint by validation bound" if comparison.at is None else (
        f"the last validation not beyond {comparison.at.words}")  # fmt: skip
    facts = {
        "data": [str(run.data.get("name")) for run in runs if run.data],
        "binarisation": [str(run.data.get("binarize")) for run in runs if run.data],
        "split sizes": [_sizes(run) for run in runs if run.data],
        "data sha256": [str(run.data.get("sha256"))[:16] + "…" for run in runs if run.data],
        "split of the figures": [split] if runs else [],
        "points in them": [text for run in runs if (text := points(run)) is not None],
        "taken at": [moment] if runs else [],
        "device": [f"{run.summary['device']}, threads: {run.summary.get('threads')}" for run in runs
                   if "device" in run.summary],
        **{f"{name} of the runs": [str(version) for run in runs
                                   if (version := mapping(run.summary.get("versions")).get(name)) is not None]
           for name in ("vaerun", "torch", "python")},
        "this page by": [f"vaerun report {__version__}"],
    }  # fmt: skip
    yield "unit", "nats per datum, summed over pixels; of bounds, higher is better"
    for term, values in facts.items():
        if values:
            yield term, _values(values, 6)
    told = _together((column.title, _source(column.name, runs)) for column in comparison.columns)
    yield from ((titles, text) for text, titles in told.items())


def _together(told: Iterable[tuple[str, str | None]]) -> dict[str, str]:
    """The titles of which the same is said, by what is said."""
    titles: dict[str, list[str]] = {}
    for title, text in told:
        if text is not None:
            titles.setdefault(text, []).append(title)
    return {text: _values(some, 3, ", ") for text, some in titles.items()}


def _source(name: str, runs: Sequence[Recorded]) -> str | None:
    """What vaerun eval made a figure with; None for a run's own."""
    told = []
    for text in list(dict.fromkeys(run.sources[name] for run in runs if name in run.sources))[:3]:
        source = json.loads(text)
        words = [f"{source.get('checkpoint')} checkpoint", f"{source.get('points')} points"]
        settings = mapping(source.get("evaluation"))
        words += [f"{key}={value}" for key, value in settings.items() if key != "_target_" and value is not None]
        told.append(f"vaerun eval, {', '.join(words)}")
    return "; ".join(told) or None


def _sizes(run: Recorded) -> str:
    sizes = mapping(run.data.get("split_sizes"))
    return ", ".join(
        f"{name} {count:,}" if isinstance(count, int) else f"{name} {count}" for name, count in sizes.items()
    )


def _test_points(run: Recorded) -> str | None:
    """All of them for the ELBO, whatever the run's own evaluation was limited to."""
    whole = mapping(run.data.get("split_sizes")).get("test")
    fewest = _fewest(run.configuration.get("evaluation.points"), whole)
    if not isinstance(whole, int) or fewest == whole:
        return None if fewest is None else f"{fewest:,}"
    return f"{whole:,} for the ELBO, {fewest:,} for what else the run evaluated"


def _valid_points(run: Recorded) -> str | None:
    whole = mapping(run.data.get("split_sizes")).get("valid")
    fewest = _fewest(run.configuration.get("trainer.validation.points"), whole)
    return None if fewest is None else f"{fewest:,}"


def _fewest(*counts: Any) -> int | None:
    return min((count for count in counts if isinstance(count, int)), default=None)


def _values(values: Sequence[str], most: int, between: str = "; ") -> str:
    """The different ones, a few of them."""
    different = list(dict.fromkeys(values))
    more = f" and {len(different) - most} more" if len(different) > most else ""
    return between.join(different[:most]) + more


def _plural(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"

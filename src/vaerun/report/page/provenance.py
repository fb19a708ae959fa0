"""Where the numbers come from: data, split, points, checkpoint, versions and device; and what each column means."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from vaerun import __version__
from vaerun.errors import counted
from vaerun.report.comparison import Comparison
from vaerun.report.recorded import Recorded, mapping


def title(comparison: Comparison) -> str:
    """The data set, and the numbers of configurations and runs."""
    runs = [entry.run for row in comparison.rows for entry in row.entries]
    data = _values([f"{run.data.get('name')} ({run.data.get('binarize')})" for run in runs if run.data], 2)
    counts = f"{counted(len(comparison.rows), 'configuration')}, {counted(len(runs), 'run')}"
    at = f", compared at {comparison.at.words}" if comparison.at is not None else ""
    return f"{data} · {counts}{at}" if data else f"{counts}{at}"


def facts(comparison: Comparison) -> Iterator[tuple[str, str]]:
    """Terms and their values; if runs differ, all different values."""
    runs = [entry.run for row in comparison.rows for entry in row.entries if entry.used]
    yield "unit", "nats per data point, summed over its coordinates; a higher bound is better"
    for term, values in (_data(runs) | _moment(comparison, runs) | _software(runs)).items():
        if values:
            yield term, _values(values, 6)
    yield from _together((column.title, _source(column.name, runs)) for column in comparison.columns)


def meanings(comparison: Comparison) -> list[tuple[str, str]]:
    """Titles of columns, and what they mean."""
    return _together((column.title, column.meaning or None) for column in comparison.columns)


def _data(runs: Sequence[Recorded]) -> dict[str, list[str]]:
    known = [run for run in runs if run.data]
    return {
        "data": [str(run.data.get("name")) for run in known],
        "binarisation": [str(run.data.get("binarize")) for run in known],
        "split sizes": [_sizes(run) for run in known],
        "SHA-256 of the data": [str(run.data.get("sha256"))[:16] + "…" for run in known],
    }


def _moment(comparison: Comparison, runs: Sequence[Recorded]) -> dict[str, list[str]]:
    """Split, number of points and checkpoint that the run's own metrics are from."""
    if not runs:
        return {}
    if comparison.at is None:
        split, points, moment = "test", _test_points, "the checkpoint with the best validation bound"
    else:
        split, points = "valid", _valid_points
        moment = f"the last validation up to {comparison.at.words}"
    counts = [text for run in runs if (text := points(run)) is not None]
    return {"split": [split], "points evaluated": counts, "metrics are from": [moment]}


def _software(runs: Sequence[Recorded]) -> dict[str, list[str]]:
    device = [f"{run.summary['device']}, threads: {run.summary.get('threads')}" for run in runs
              if "device" in run.summary]  # fmt: skip
    versions = [mapping(run.summary.get("versions")) for run in runs]
    used = {
        f"{name} version": [str(found[name]) for found in versions if found.get(name) is not None]
        for name in ("vaerun", "torch", "python")
    }
    return {"device": device, **used, "report written by": [f"vaerun {__version__}"]}


def _together(told: Iterable[tuple[str, str | None]]) -> list[tuple[str, str]]:
    """(titles, text): titles that have the same text stand together."""
    titles: dict[str, list[str]] = {}
    for title, text in told:
        if text is not None:
            titles.setdefault(text, []).append(title)
    return [(_values(some, 3, ", "), text) for text, some in titles.items()]


def _source(name: str, runs: Sequence[Recorded]) -> str | None:
    """The checkpoint, points and settings of the ``vaerun eval`` that a metric is from; None for a run's own metric."""
    told = []
    for text in list(dict.fromkeys(run.sources[name] for run in runs if name in run.sources))[:3]:
        source = json.loads(text)
        words = [f"{source.get('checkpoint')} checkpoint"]
        words += [counted(points, "point")] if isinstance(points := source.get("points"), int) else []
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
    """The ELBO is always over all test points; the run's other metrics may be over fewer."""
    whole = mapping(run.data.get("split_sizes")).get("test")
    fewest = _fewest(run.configuration.get("evaluation.points"), whole)
    if not isinstance(whole, int) or fewest == whole:
        return None if fewest is None else f"{fewest:,}"
    return f"{whole:,} for the ELBO, {fewest:,} for the run's other metrics"


def _valid_points(run: Recorded) -> str | None:
    whole = mapping(run.data.get("split_sizes")).get("valid")
    fewest = _fewest(run.configuration.get("trainer.validation.points"), whole)
    return None if fewest is None else f"{fewest:,}"


def _fewest(*counts: Any) -> int | None:
    return min((count for count in counts if isinstance(count, int)), default=None)


def _values(values: Sequence[str], most: int, between: str = "; ") -> str:
    """The different values, at most ``most`` of them."""
    different = list(dict.fromkeys(values))
    more = f" and {len(different) - most} more" if len(different) > most else ""
    return between.join(different[:most]) + more

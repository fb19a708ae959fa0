"""Notes below a comparison: runs that are not compared, and metrics that were computed differently."""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence

from vaerun.config.defaults import flatten
from vaerun.metric.metric import Metric, find
from vaerun.report import same_data
from vaerun.report.column import column
from vaerun.report.entry import Entry
from vaerun.report.matched import At
from vaerun.report.recorded import mapping
from vaerun.report.row import Row, machines

OF_ALL_POINTS = ("elbo", "log_likelihood", "kl")  # at the end of a run, whatever its evaluation
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def notes(rows: Sequence[Row], shown: Sequence[str], at: At | None, declared: Mapping[str, Metric]) -> Iterator[str]:
    """One sentence or line each, the runs first."""
    for row in rows:
        yield from _remarks(row)
        yield from _warned(row)
    used = [entry for row in rows for entry in row.entries if entry.used]
    for told in same_data.contrasts(entry.run for entry in used):
        yield f"the data differ: {told}"
    found = machines(rows)
    if len(found) > 1:
        listed = "; ".join(sorted(found))
        yield f"seconds, samples per second and memory were measured on different machines: {listed}"
    named = [mapping(entry.run.summary.get("versions")) for entry in used]
    versions = {str(versions["vaerun"]) for versions in named if "vaerun" in versions}
    if len(versions) > 1:
        yield f"the runs were made by different versions of vaerun: {', '.join(sorted(versions))}"
    yield from _without_density([find(declared, name) for name in shown])
    for name in shown:
        yield from _alike(name, used, at)
        shown_as = column(name, declared)
        least = -math.inf if shown_as.minimum is None else shown_as.minimum
        for row in rows:
            if name in row.samples and row.samples[name].mean < least:
                yield (
                    f"the {shown_as.title} of {row.name} is below {least:g}, which is impossible in theory, so "
                    f"an estimate in it is wrong and the row is not compared in this column"
                )


def _warned(row: Row) -> Iterator[str]:
    """The warnings of the runs of a row; warnings of several seeds that differ in their numbers alone share a line.

    Two such warnings of one seed are about different things, such as two columns, and have a line each.
    """
    told: dict[str, dict[str, list[str]]] = {}
    for entry in row.entries:
        warnings = entry.run.summary.get("warnings")
        for warning in warnings if isinstance(warnings, list) and entry.used else ():
            text = " ".join(str(warning).split())
            told.setdefault(NUMBER.sub("", text), {}).setdefault(text, []).append(str(entry.run.seed))
    for texts in told.values():
        seeds = [seed for some in texts.values() for seed in some]
        if len(texts) > 1 and len(set(seeds)) == len(seeds):
            first, of_first = next(iter(texts.items()))
            yield f"{row.name} seeds {', '.join(seeds)} (the numbers are those of seed {of_first[0]}): {first}"
        else:
            for text, some in texts.items():
                yield f"{row.name} seed{'s' if len(some) > 1 else ''} {', '.join(some)}: {text}"


def _without_density(shown: Sequence[Metric]) -> Iterator[str]:
    """A note if some runs have a bound and others its pseudo metric."""
    for metric in dict.fromkeys(shown):
        bound = next((other for other in shown if other.name == metric.stands_for), None)
        if bound is not None:
            yield (
                f"the {metric.title} is not a bound on log p(x), because its likelihood is not a density: it cannot be "
                f"compared with the {bound.title}"
            )


def _remarks(row: Row) -> Iterator[str]:
    """The runs of a row that are not compared or not completed; runs with the same reason share a line."""
    told: dict[tuple[str, str], list[Entry]] = {}
    for entry in row.entries:
        if not entry.used or entry.run.status != "completed":
            reason = entry.remark or "it has no metrics"
            told.setdefault((entry.run.status, reason), []).append(entry)
    for (status, reason), some in told.items():
        seeds = list(dict.fromkeys(str(entry.run.seed) for entry in some if entry.run.seed is not None))
        of_seeds = f" seed{'s' if len(seeds) > 1 else ''} {', '.join(seeds)}" if seeds else ""
        more = f" and {len(some) - 1} more" if len(some) > 1 else ""
        yield f"{row.name}{of_seeds}, {status}: {reason.rstrip('.')} ({some[0].run.directory}{more})"


def _alike(name: str, used: Sequence[Entry], at: At | None) -> Iterator[str]:
    """The settings in which the runs' values of a metric were computed differently."""
    having = [entry for entry in used if name in entry.metrics]
    if at is None:
        later = [json.loads(entry.run.sources[name]) for entry in having if name in entry.run.sources]
        made = [flatten(source) for source in later]
        made += [_own(entry, name) for entry in having if name not in entry.run.sources and "/" in name]
    else:
        made = [_validation(entry) for entry in having if "/" in name]
    for key in sorted({key for facts in made for key in facts}):
        values = {json.dumps(facts[key]) for facts in made if key in facts}
        if len(values) > 1:
            yield f"{name} was computed with {key}={' and '.join(sorted(values))}"


def _own(entry: Entry, name: str) -> dict[str, object]:
    """Checkpoint and number of test points of a metric at the end of a run; the ELBO and its terms have all points."""
    available = mapping(entry.run.data.get("split_sizes")).get("test")
    quantity = name.partition("/")[0].removeprefix("pseudo_")
    asked = None if quantity in OF_ALL_POINTS else entry.run.configuration.get("evaluation.points")
    points = min((n for n in (asked, available) if isinstance(n, int)), default=None)
    return {"checkpoint": "best", "points": points}


def _validation(entry: Entry) -> dict[str, object]:
    keys = ("trainer.validation.points", "trainer.validation.num_samples")
    return {key: entry.run.configuration[key] for key in keys if key in entry.run.configuration}

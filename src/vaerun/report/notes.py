"""What a reader must know of a comparison: runs that are missing from it, and figures that are not quite alike."""

import json
from collections.abc import Iterator, Sequence

from vaerun.experiment.directory import flatten
from vaerun.report import same_data
from vaerun.report.column import GAPS, column
from vaerun.report.entry import Entry
from vaerun.report.matched import At
from vaerun.report.recorded import mapping
from vaerun.report.row import Row


def notes(rows: Sequence[Row], shown: Sequence[str], at: At | None) -> Iterator[str]:
    """One sentence or line each, the runs first."""
    for row in rows:
        yield from _remarks(row)
    used = [entry for row in rows for entry in row.entries if entry.used]
    for told in same_data.contrasts(entry.run for entry in used):
        yield f"the data differ: {told}"
    machines = {f"{entry.run.summary['device']}, {entry.run.summary.get('threads')} threads" for entry in used
                if "device" in entry.run.summary}  # fmt: skip
    if len(machines) > 1:
        yield f"seconds, samples per second and memory were taken on different machines: {'; '.join(sorted(machines))}"
    named = [mapping(entry.run.summary.get("versions")) for entry in used]
    versions = {str(versions["vaerun"]) for versions in named if "vaerun" in versions}
    if len(versions) > 1:
        yield f"the runs are of different versions of vaerun: {', '.join(sorted(versions))}"
    if {name.partition("/")[0] for name in shown} >= {"elbo", "pseudo_elbo"}:
        yield "the pseudo-ELBO is no bound on log p(x), so no order between it and an ELBO means anything"
    for name in shown:
        yield from _alike(name, used, at)
        if name.partition("/")[0] in GAPS:
            for row in rows:
                if name in row.samples and row.samples[name].mean < 0:
                    yield (
                        f"the {column(name).title} of {row.name} is negative, which no gap is: q* has not converged, "
                        f"or log p(x) is underestimated"
                    )


def _remarks(row: Row) -> Iterator[str]:
    """The runs of a row that take no part, or are not completed, those of one reason together."""
    told: dict[tuple[str, str], list[Entry]] = {}
    for entry in row.entries:
        if not entry.used or entry.run.status != "completed":
            reason = entry.remark or "it has no figures"
            told.setdefault((entry.run.status, reason), []).append(entry)
    for (status, reason), some in told.items():
        seeds = list(dict.fromkeys(str(entry.run.seed) for entry in some if entry.run.seed is not None))
        of_seeds = f" seed{'s' if len(seeds) > 1 else ''} {', '.join(seeds)}" if seeds else ""
        more = f" and {len(some) - 1} more" if len(some) > 1 else ""
        yield f"{row.name}{of_seeds}, {status}: {reason.rstrip('.')} ({some[0].run.directory}{more})"


def _alike(name: str, used: Sequence[Entry], at: At | None) -> Iterator[str]:
    """Whether every run's figure was made in the same way."""
    having = [entry for entry in used if name in entry.figures]
    if at is None:
        later = [json.loads(entry.run.sources[name]) for entry in having if name in entry.run.sources]
        made = [flatten(source) for source in later]
        made += [_own(entry) for entry in having if name not in entry.run.sources and "/" in name]
    else:
        made = [_validation(entry) for entry in having if "/" in name]
    for key in sorted({key for facts in made for key in facts}):
        values = {json.dumps(facts[key]) for facts in made if key in facts}
        if len(values) > 1:
            yield f"{name} was made with {key}={' and '.join(sorted(values))}"


def _own(entry: Entry) -> dict[str, object]:
    """What the figures at the end of a run are of: the best checkpoint, and how many test points."""
    available = mapping(entry.run.data.get("split_sizes")).get("test")
    asked = entry.run.configuration.get("evaluation.points")
    points = min((n for n in (asked, available) if isinstance(n, int)), default=None)
    return {"checkpoint": "best", "points": points}


def _validation(entry: Entry) -> dict[str, object]:
    keys = ("trainer.validation.points", "trainer.validation.num_samples")
    return {key: entry.run.configuration[key] for key in keys if key in entry.run.configuration}

"""The metrics of one run: at its end, or at a given cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from vaerun.report.matched import COSTS, VALIDATION, At, read_at
from vaerun.report.recorded import Recorded, finite, mapping

ENDING = {
    "seconds": "train_seconds",
    "decoder_evaluations": "decoder_evaluations",
    "samples_per_second": "train_samples_per_second",
    "steps": "steps",
}


@dataclass(frozen=True)
class Entry:
    """A run, and its part in the comparison.

    Attributes:
        run: the content of its directory.
        metrics: metrics and costs by column name; empty if the run is not compared.
        remark: why it is not compared, or why it did not complete.
    """

    run: Recorded
    metrics: Mapping[str, float]
    remark: str | None

    @property
    def used(self) -> bool:
        """Whether the run is compared."""
        return bool(self.metrics)


def entries(runs: Sequence[Recorded], at: At | None) -> list[Entry]:
    """The runs of one configuration; if a seed was run more than once, only the newest run counts."""
    made = sorted((entry(run, at) for run in runs), key=lambda item: (str(item.run.seed), item.run.written))
    newest = {str(item.run.seed): item for item in made if item.used}
    return [
        item
        if not item.used or newest[str(item.run.seed)] is item
        else replace(item, metrics={}, remark=f"seed {item.run.seed} was run again in {again(newest, item)}")
        for item in made
    ]


def again(newest: Mapping[str, Entry], item: Entry) -> str:
    """The directory of the newest run with the same seed."""
    return str(newest[str(item.run.seed)].run.directory)


def entry(run: Recorded, at: At | None) -> Entry:
    """The metrics of a run: at its end if it is completed, or at the given cost if it has reached it."""
    if at is None:
        metrics = {**run.metrics, **_costs(run, ENDING, run.summary)} if run.status == "completed" else {}
        return Entry(run, metrics, run.reason)
    reading = read_at(run.directory / "metrics.jsonl", at)
    if reading.record is None:
        remark = reading.reason if run.reason is None else f"{run.reason}; {reading.reason}"
        return Entry(run, {}, remark)
    metrics = finite(reading.record)
    if not any(tag.endswith(VALIDATION) for tag in metrics):
        return Entry(run, {}, f"its validation bound is not finite at step {reading.record['step']}")
    metrics = {tag: value for tag, value in metrics.items() if "/" in tag}
    return Entry(run, {**metrics, **_costs(run, COSTS, reading.record)}, run.reason)


def _costs(run: Recorded, keys: Mapping[str, str], source: Mapping[str, Any]) -> dict[str, float]:
    numbers = {name: source[key] for name, key in keys.items() if key in source}
    numbers |= {"compile_seconds": source["compile_seconds"]} if source.get("compile_seconds") else {}
    parameters = mapping(run.summary.get("parameters"))
    numbers |= {name: parameters[name] for name in ("phi", "lam", "theta") if name in parameters}
    memory = finite({"peak_memory": run.summary.get("peak_memory_bytes")})
    return finite(numbers) | {name: value / 1e6 for name, value in memory.items()}

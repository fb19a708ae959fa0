"""The content of a run directory: configuration, status, metrics and their declarations."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from vaerun.config import yaml_file
from vaerun.config.defaults import flatten
from vaerun.errors import UserError
from vaerun.experiment.directory import LARGEST, is_free
from vaerun.experiment.integrity import changes, is_changed
from vaerun.metric.metric import Metric
from vaerun.metric.metric import read as read_metrics
from vaerun.system import files
from vaerun.system.files import UnsafeFileError

MOST_EVALUATIONS = 2**27  # bytes of evaluations.jsonl
STATUSES = ("completed", "failed", "diverged", "interrupted", "running")
RUNNING = "running or killed"  # summary.json has this status until a run ends, so also if it was killed
Warn = Callable[[str], None]


@dataclass(frozen=True)
class Recorded:
    """One run, as far as its files can be read.

    Attributes:
        directory: its path.
        config: its config.yaml; empty if it does not exist.
        summary: its summary.json.
        status: completed, failed, diverged, interrupted, running or killed, or unreadable.
        reason: why it did not complete.
        metrics: its finite metrics by tag, those of evaluations.jsonl included.
        sources: for a metric of evaluations.jsonl, the settings of its evaluation.
        written: the time of summary.json, in seconds.
        declared: its metrics by quantity; empty for runs of earlier versions.
    """

    directory: Path
    config: Mapping[str, Any]
    summary: Mapping[str, Any]
    status: str
    reason: str | None
    metrics: Mapping[str, float] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    written: float = 0.0
    declared: Mapping[str, Metric] = field(default_factory=dict)

    @property
    def seed(self) -> Any:
        """Its seed; None if it is not known."""
        return self.config.get("seed", self.summary.get("seed"))

    @property
    def configuration(self) -> dict[str, Any]:
        """Its configuration as dotted keys, without seed, names of choices, device and paths."""
        rest = {key: value for key, value in self.config.items() if key not in ("seed", "choices")}
        return {key: value for key, value in flatten(rest).items() if not is_free(key)}

    @property
    def choices(self) -> dict[str, Any]:
        """The chosen option of each group."""
        return dict(mapping(self.config.get("choices")))

    @property
    def data(self) -> Mapping[str, Any]:
        """Its data: name, binarize, split_sizes, sha256; empty if the run ended before they were read."""
        return mapping(self.summary.get("data"))


def mapping(value: Any) -> Mapping[str, Any]:
    """``value`` if it is a mapping, otherwise an empty one, because files may be damaged."""
    return value if isinstance(value, Mapping) else {}


def finite(values: Any) -> dict[str, float]:
    """The values of a mapping that are finite numbers."""
    return {
        tag: float(value)
        for tag, value in mapping(values).items()
        if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
    }


def find(roots: Iterable[Path], warn: Warn) -> Iterator[Recorded]:
    """Every run at or below ``roots``, each once; ``warn`` is called for directories that only look like runs."""
    seen: set[tuple[int, int]] = set()
    for root in roots:
        yield from _below(root, seen, warn)


def _below(directory: Path, seen: set[tuple[int, int]], warn: Warn) -> Iterator[Recorded]:
    try:
        stat = directory.stat()
        if (stat.st_dev, stat.st_ino) in seen:  # symbolic links can form a circle
            return
        seen.add((stat.st_dev, stat.st_ino))
        with os.scandir(directory) as entries:
            names = {entry.name: entry.is_dir() for entry in entries if not entry.name.startswith(".")}
    except OSError as error:
        warn(f"{directory} cannot be read, {error.strerror}: left out.")
        return
    if "config.yaml" in names or "summary.json" in names:
        run = read(directory, warn)
        if run is not None:
            yield run
    for name in sorted(name for name, is_directory in names.items() if is_directory and name != "checkpoints"):
        yield from _below(directory / name, seen, warn)


def read(directory: Path, warn: Warn) -> Recorded | None:
    """The run in ``directory``; None, and a call of ``warn``, if another program wrote it."""
    config, config_fault = _load(directory / "config.yaml", yaml_file.load_plain)
    summary, summary_fault = _load(directory / "summary.json", _json)
    if not (summary.get("status") in STATUSES or {"strategy", "model", "choices"} <= config.keys()):
        if config_fault in (None, ABSENT) and summary_fault in (None, ABSENT):
            warn(f"{directory} is not a run directory of vaerun: left out.")
            return None
        fault = summary_fault if summary_fault not in (None, ABSENT) else config_fault
        return Recorded(directory, {}, {}, "unreadable", fault)
    for sentence in changes(directory, summary):
        warn(f"{sentence}.")
    written = (directory / "summary.json").stat().st_mtime if summary_fault is None else 0.0
    if summary_fault == ABSENT:
        return Recorded(directory, config, summary, "unreadable", "there is no summary.json")
    if summary_fault or (config_fault and config_fault != ABSENT):
        return Recorded(directory, config, summary, "unreadable", summary_fault or config_fault, written=written)
    status = summary.get("status")
    if status not in STATUSES:
        return Recorded(directory, config, summary, "unreadable", f"summary.json has the status {status!r}")
    if status == "running":
        declared = read_metrics(summary.get("about"))
        return Recorded(
            directory, config, summary, RUNNING, "it has not come to an end", written=written, declared=declared
        )
    metrics, sources, declared = _metrics(directory, summary, warn)
    reason = summary.get("reason")
    text = " ".join(str(reason).split()) if reason is not None else None
    return Recorded(directory, config, summary, status, text, metrics, sources, written, declared)


ABSENT = "it is not there"


def _load(path: Path, parse: Callable[[Path], Any]) -> tuple[dict[str, Any], str | None]:
    """The mapping in a file; or an empty one, and the reason."""
    try:
        value = parse(path)
    except FileNotFoundError:
        return {}, ABSENT
    except UnsafeFileError:
        return {}, f"{path.name} is not a regular file of a bounded size"
    except OSError as error:
        return {}, f"{path.name} cannot be read, {error.strerror}"
    except (UserError, ValueError, RecursionError, yaml.YAMLError):
        return {}, f"{path.name} is damaged or half-written"
    return (value, None) if isinstance(value, dict) else ({}, f"{path.name} is damaged or half-written")


def _json(path: Path) -> Any:
    return json.loads(files.read(path, most=LARGEST))


def _metrics(
    directory: Path, summary: Mapping[str, Any], warn: Warn
) -> tuple[dict[str, float], dict[str, str], dict[str, Metric]]:
    """Metrics by tag, the settings of those from ``vaerun eval``, and declarations by quantity.

    The run's own metrics have priority. Other metrics are taken from the best checkpoint before the last one, then from
    the newest line.
    """
    metrics, declared = finite(summary.get("metrics")), read_metrics(summary.get("about"))
    later: dict[str, tuple[bool, float, str]] = {}
    for line in _evaluations(directory / "evaluations.jsonl", summary, warn):
        is_best = line.get("checkpoint") == "best"
        facts = {"checkpoint": line.get("checkpoint"), "points": line["data"].get("points")}
        source = json.dumps(facts | {"evaluation": line.get("evaluation")}, sort_keys=True)
        declared |= read_metrics(line.get("about"))
        for tag, value in finite(line["metrics"]).items():
            if tag not in metrics and (is_best or not later.get(tag, (False, 0.0, ""))[0]):
                later[tag] = (is_best, value, source)
    return (
        metrics | {tag: value for tag, (_, value, _) in later.items()},
        {tag: source for tag, (_, _, source) in later.items()},
        declared,
    )


def _evaluations(path: Path, summary: Mapping[str, Any], warn: Warn) -> Iterator[dict[str, Any]]:
    """The lines of evaluations.jsonl that belong to the present state of the run."""
    try:
        lines = files.read(path, most=MOST_EVALUATIONS).decode().splitlines()
    except FileNotFoundError:
        return
    except UnsafeFileError:
        warn(f"{path} is not a regular file of a bounded size: its evaluations are left out.")
        return
    except (OSError, ValueError) as error:
        warn(f"{path} cannot be read, {error}: its evaluations are left out.")
        return
    sha256 = mapping(summary.get("data")).get("sha256")
    steps = {"best": mapping(summary.get("best")).get("step"), "last": summary.get("steps")}
    for number, text in enumerate(lines, start=1):
        try:
            line = json.loads(text)
            of_data, checkpoint = line["data"].get("sha256"), str(line.get("checkpoint"))
            line["metrics"].items()
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            warn(f"line {number} of {path} is not an evaluation: left out.")
            continue
        if is_changed(line):
            warn(f"line {number} of {path} was changed, its checksum is not that of its content: left out.")
        elif line["data"].get("new") is True:
            continue  # of points that the run was not trained with: not to be compared with its test points
        elif sha256 is not None and of_data != sha256:
            warn(f"line {number} of {path} was computed on other data: left out.")
        elif None not in (steps.get(checkpoint), line.get("step")) and steps[checkpoint] != line["step"]:
            warn(f"line {number} of {path} is of step {line['step']}, but the run has been trained further: left out.")
        else:
            yield line

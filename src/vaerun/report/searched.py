"""The trials of a search, for tables and reports of its runs; ``search.json`` may come from a stranger."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vaerun.errors import counted
from vaerun.report.recorded import Recorded, finite, mapping
from vaerun.system import files
from vaerun.system.files import UnsafeFileError

FILE = "search.json"
LARGEST = 2**24  # bytes of search.json
MOST = 10_000  # trials that are shown


@dataclass(frozen=True)
class Trial:
    """One trial.

    Attributes:
        number: in the order in which optuna has proposed them, from 0.
        state: completed, pruned, failed or unfinished.
        values: of the objectives; of a pruned trial, the last value that training recorded.
    """

    number: int
    state: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class Searched:
    """What a search has written.

    Attributes:
        directory: of the search.
        objectives: their tags.
        better: for each objective, 1 if higher values are better, else −1.
        trials: those with values.
        pareto: the numbers of the best trials: of one objective one, of several the Pareto front.
        importances: of each key for each objective; empty where optuna could not compute them.
    """

    directory: Path
    objectives: tuple[str, ...]
    better: tuple[int, ...]
    trials: tuple[Trial, ...]
    pareto: tuple[int, ...]
    importances: tuple[Mapping[str, float], ...]

    def completed(self) -> list[Trial]:
        """The completed trials in the order of their numbers."""
        return [trial for trial in self.trials if trial.state == "completed"]


def searches(runs: Iterable[Recorded]) -> list[Searched]:
    """The searches that the runs belong to."""
    directories = sorted({run.directory.parent for run in runs})
    return [found for directory in directories if (found := read(directory)) is not None]


def read(directory: Path) -> Searched | None:
    """The search in a directory; None if there is none, or its file is damaged."""
    try:
        content = mapping(json.loads(files.read(directory / FILE, most=LARGEST)))
        objectives = [mapping(one) for one in content["objectives"]]
        count = len(objectives)
        trials = tuple(_trial(mapping(one), count) for one in content["trials"][:MOST])
        return Searched(
            directory,
            tuple(" ".join(str(one["tag"]).split()) for one in objectives),
            tuple(1 if one["better"] == "higher" else -1 for one in objectives),
            tuple(trial for trial in trials if trial.values),
            tuple(int(number) for number in content["pareto"]),
            tuple(finite(mapping(one)) for one in content["importances"][:count]),
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError, UnsafeFileError):
        return None


def notes(found: Iterable[Searched]) -> list[str]:
    """That the best of many noisy values is optimistic, for each search."""
    return [
        f"the runs in {one.directory} are {counted(len(one.trials), 'trial')} of a search for "
        f"{' and '.join(one.objectives)}: the best of many noisy values is optimistic, so "
        f"train it with several seeds for a figure to report"
        for one in found
    ]


def _trial(content: Mapping[str, Any], objectives: int) -> Trial:
    given = content["values"] or ([content["last"]] if content.get("last") is not None and objectives == 1 else [])
    values = tuple(float(value) for value in given)
    whole = len(values) == objectives and all(map(math.isfinite, values))
    return Trial(int(content["number"]), str(content["state"]), values if whole else ())

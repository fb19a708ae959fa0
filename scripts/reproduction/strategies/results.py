"""The stored figures: one line for each run, and means and paired differences over seeds."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from reproduction.strategies.grid import BUDGETS, Budget, Cell
from vaerun.metric.interval import quantile


class Mean(NamedTuple):
    """A mean over seeds, with its standard error; None with one seed."""

    value: float
    error: float | None
    seeds: int

    @property
    def half_width(self) -> float | None:
        """Of the 95 % interval by Student's t distribution."""
        return None if self.error is None else quantile(self.seeds - 1) * self.error


def mean(values: Sequence[float]) -> Mean:
    """Mean and standard error."""
    n = len(values)
    middle = math.fsum(values) / n
    error = None if n < 2 else math.sqrt(math.fsum((v - middle) ** 2 for v in values) / (n - 1) / n)
    return Mean(middle, error, n)


@dataclass
class Results:
    """What docs/reproduced/strategies.json holds.

    Args:
        budget: ``full`` or ``short``.
        machines: processors and versions.
        runs: of each cell the measurements, and the place of its machine in the list.
        refused: of each combination that vaerun refuses its sentence, by ``DATA/FAMILY/STRATEGY``.
        without_latents: mean test log p of independent pixels, by data set of images.
        levels: how many budgets are looked at; None for all.
    """

    budget: str
    machines: list[str] = field(default_factory=list)
    runs: dict[Cell, dict[str, Any]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    without_latents: dict[str, float] = field(default_factory=dict)
    levels: int | None = None

    @property
    def budgets(self) -> tuple[Budget, ...]:
        """At which each training is measured, from the smallest to the largest."""
        return BUDGETS[self.budget][: self.levels]

    @property
    def limits(self) -> Budget:
        """Both limits of a training: the largest budget."""
        return self.budgets[-1]

    def at_budget(self, place: int) -> "Results":
        """The results as if the budget at this place had been the largest."""
        if place == len(self.budgets) - 1:
            return self
        runs = {
            cell: {"at": run["earlier"][place], "earlier": run["earlier"][:place], "machine": run["machine"]}
            for cell, run in self.runs.items()
        }
        return replace(self, levels=place + 1, runs=runs)

    def stopped(self) -> "Results":
        """The results as if each training had kept the weights of its budget with the highest validation ELBO."""
        runs = {
            cell: {**run, "at": {name: max(_in_order(run, name), key=_valid) for name in Budget._fields}}
            for cell, run in self.runs.items()
        }
        return replace(self, runs=runs)

    def text(self) -> str:
        """The content of the JSON file, a line for each run."""
        order = sorted(self.runs, key=lambda cell: (cell.seed, cell.data, cell.family, cell.strategy))
        lines = [
            json.dumps({**cell._asdict(), "command": cell.command(self.limits), **self.runs[cell]}) for cell in order
        ]
        head = {"budget": self.budget, **self.limits._asdict(), "machines": self.machines}
        head |= {"refused": self.refused, "without_latents": self.without_latents}
        text = json.dumps(head, indent=1, ensure_ascii=False)
        runs = ",\n  ".join(lines)
        return f'{text[:-2]},\n "runs": [\n  {runs}\n ]\n}}\n'

    def values(self, key: Sequence[str], *path: str) -> dict[int, float]:
        """A figure by seed.

        Args:
            key: data, family and strategy.
            path: to the figure in a run.
        """
        found: dict[int, float] = {}
        for cell, run in self.runs.items():
            if cell[:3] == tuple(key):
                value: Any = run
                for name in path:
                    value = value.get(name) if isinstance(value, Mapping) else None
                if value is not None:
                    found[cell.seed] = float(value)
        return found

    def mean(self, key: Sequence[str], *path: str) -> Mean | None:
        """Over the seeds that have the figure; None where there is none."""
        found = list(self.values(key, *path).values())
        return mean(found) if found else None

    def difference(self, a: Sequence[str], b: Sequence[str], *path: str) -> Mean | None:
        """a − b, paired: over the seeds that both have."""
        first, second = self.values(a, *path), self.values(b, *path)
        both = sorted(first.keys() & second.keys())
        return mean([first[seed] - second[seed] for seed in both]) if both else None


def _in_order(run: Mapping[str, Any], name: str) -> list[Mapping[str, float]]:
    """What was measured at each budget of a kind, from the smallest to the largest."""
    return [*(one[name] for one in run["earlier"]), run["at"][name]]


def _valid(measured: Mapping[str, float]) -> float:
    return measured["valid"]


def read(path: Path) -> Results:
    """The results of a JSON file."""
    content: dict[str, Any] = json.loads(path.read_text())
    runs = {}
    for run in content["runs"]:
        cell = Cell(*(run.pop(name) for name in Cell._fields))
        del run["command"]
        runs[cell] = run
    return Results(content["budget"], content["machines"], runs, content["refused"], content["without_latents"])


def seeds_of(runs: Iterable[Cell]) -> list[int]:
    """The seeds that occur."""
    return sorted({cell.seed for cell in runs})

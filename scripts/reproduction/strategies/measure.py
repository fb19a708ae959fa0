"""Trains a cell once, up to the largest budget, and measures the weights that it had at each budget."""

import copy
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig

from reproduction.strategies.grid import BATCH, Budget, Cell
from vaerun.config.check import check
from vaerun.config.hydra import compose, roots
from vaerun.data.base import Dataset
from vaerun.data.loader import Loader
from vaerun.errors import Interrupted
from vaerun.evaluation.bound import BoundEvaluation
from vaerun.evaluation.gap import GapEvaluation
from vaerun.experiment.build import build
from vaerun.experiment.experiment import Experiment
from vaerun.trainer.training import Training
from vaerun.trainer.watcher import Watcher

K = 500
"""Samples of the importance-weighted bound."""

SEARCH = 60
"""Largest number of steps of each search for the best q of a point."""

ENCODER_EPOCHS = 10
"""Largest number of epochs of the encoder that the cross matrix fits."""

POINTS = 30
"""Test points of the gaps and of the cross matrix, evenly spread."""

ALWAYS = ("execution.threads=1", "execution.device=cpu")
CROSS = (
    "evaluation=cross",
    f"evaluation.points={POINTS}",
    "evaluation.num_samples=300",
    f"evaluation.max_steps={SEARCH}",
    f"evaluation.encoder_epochs={ENCODER_EPOCHS}",
)
WARMED: set[tuple[str, str]] = set()


class Meter(Watcher):
    """Keeps a copy of the weights, and the cost, at the first step at which each budget is used up.

    The clock is that of the processor, and counts the time of training steps only. Other programs on the machine change
    it far less than a clock on the wall. One thread is used, so both are the same on an idle machine.

    Args:
        budgets: from the smallest to the largest.

    Attributes:
        costs: seconds, decoder evaluations and steps at each budget, by the limit that was reached.
        states: weights at each budget, likewise.
    """

    def __init__(self, budgets: Sequence[Budget]) -> None:
        self.budgets = budgets
        self.costs: dict[str, list[dict[str, float]]] = {name: [] for name in Budget._fields}
        self.states: dict[str, list[dict[str, Any]]] = {name: [] for name in Budget._fields}
        self.spent, self.clock = 0.0, 0.0

    def on_start(self, training: Training) -> None:
        self.clock = time.process_time()

    def on_step(self, training: Training) -> None:
        now = time.process_time()
        self.spent += now - self.clock
        cost = {
            "seconds": self.spent,
            "evaluations": training.strategy.decoder_evaluations,
            "steps": training.progress.step,
        }
        for name, costs in self.costs.items():
            reached = sum(cost[name] >= getattr(budget, name) for budget in self.budgets)
            if reached > len(costs):
                state = copy.deepcopy(training.strategy.state_dict())
                self.states[name] += [state] * (reached - len(costs))
                costs += [cost] * (reached - len(costs))
        if all(len(costs) == len(self.budgets) for costs in self.costs.values()):
            training.request_stop("all budgets are used up")
        self.clock = time.process_time()


class Lab:
    """Trains and measures cells in this process; the weights at equal decoder evaluations are kept on the disk.

    Args:
        folder: of the runs of this budget.
        data: the folder of the four files.
        budgets: at which a cell is measured, from the smallest to the largest.
    """

    def __init__(self, folder: Path, data: Path, budgets: Sequence[Budget]) -> None:
        self.folder, self.data, self.budgets = folder, data, budgets
        self.folder.mkdir(parents=True, exist_ok=True)
        self.composed: dict[tuple[str, ...], DictConfig] = {}
        self.sets: dict[tuple[str, int], Dataset] = {}

    def experiment(self, cell: Cell) -> Experiment:
        """The experiment of a cell with its initial weights. Its evaluation is the cross matrix.

        Raises:
            UserError: the choices do not fit together.
        """
        key = tuple(cell[:3])
        if key not in self.composed:
            cfg, choices = compose([*cell.words(str(self.data)), *CROSS, *ALWAYS])
            check(cfg, choices, roots())
            self.composed[key] = cfg
        cfg = self.composed[key].copy()
        cfg.seed = cell.seed
        which = (cell.data, cell.seed if cell.data == "missing" else 0)
        experiment = build(cfg, data=self.sets.get(which))
        self.sets[which] = experiment.data
        return experiment

    def train(self, cell: Cell) -> dict[str, Any]:
        """The bounds and the cost: ``at`` the largest budget, and at the ``earlier`` ones.

        Raises:
            UserError: the choices do not fit together.
        """
        if cell[1:3] not in WARMED:  # what is imported or compiled at the first steps is not part of a training
            self.warm(cell)
        experiment, meter = self.experiment(cell), Meter(self.budgets)
        with suppress(Interrupted):  # the end without a validation, whose result is not used
            experiment.trainer.fit(experiment.strategy, experiment.data, seed=cell.seed, watchers=[meter])
        torch.save(meter.states["evaluations"][-1], self.weights(cell))
        found: list[dict[str, Any]] = [{} for _ in self.budgets]
        for name, states in meter.states.items():
            for place, (state, cost) in enumerate(zip(states, meter.costs[name], strict=True)):
                experiment.strategy.load_state_dict(state)
                found[place][name] = measured(experiment, cost)
        return {"at": found.pop(), "earlier": found}

    def compare(self, cell: Cell) -> dict[str, Any]:
        """``more``: the gaps and the row of the cross matrix, at the largest number of decoder evaluations."""
        if not self.weights(cell).exists():
            self.train(cell)
        experiment = self.experiment(cell)
        experiment.strategy.load_state_dict(torch.load(self.weights(cell), weights_only=True))
        gap = GapEvaluation(points=POINTS, num_samples=K, starts=1, max_steps=SEARCH, temperatures=0)
        found = over_all_points(chosen(experiment.evaluate(gap).metrics))
        return {"more": {"gap": found, "cross": chosen(experiment.evaluate().metrics)}}

    def without_latents(self, name: str) -> float:
        """The mean test log p of independent pixels, each 1 with its frequency in training, (sum + 1)/(N + 2)."""
        data = self.experiment(Cell(name, "gaussian", "amortized", 0)).data
        train, test = data.train.points(), data.test.points()
        p = (train.double().sum(0) + 1) / (len(train) + 2)
        return round(float((test * p.log() + (1 - test) * (1 - p).log()).sum(1).mean()), 4)

    def warm(self, cell: Cell) -> None:
        """Two steps of such a training."""
        experiment = self.experiment(cell)
        for batch in islice(Loader(experiment.data.train, batch_size=BATCH, seed=0).epoch(0), 2):
            experiment.strategy.step(batch)
        WARMED.add(cell[1:3])

    def weights(self, cell: Cell) -> Path:
        """The file of the weights of a cell."""
        return self.folder / f"{cell.name}.pt"


def measured(experiment: Experiment, cost: Mapping[str, float]) -> dict[str, float]:
    """The bounds of the present weights, what they cost, and the seconds of the test."""
    begin = time.process_time()
    test = experiment.evaluate(BoundEvaluation(split="test", num_samples=K)).metrics
    test_seconds = time.process_time() - begin
    valid = experiment.evaluate(BoundEvaluation(split="valid", num_samples=K)).metrics
    return {
        "elbo": round(test["elbo/test"], 4),
        "iwae": round(test[f"iwae_{K}/test"], 4),
        "valid": round(valid["elbo/valid"], 4),
        "seconds": round(cost["seconds"], 2),
        "evaluations": int(cost["evaluations"]),
        "steps": int(cost["steps"]),
        "test_seconds": round(test_seconds, 2),
    }


def chosen(metrics: Mapping[str, float]) -> dict[str, float]:
    """The metrics without their standard errors over points, by quantity."""
    return {
        tag.partition("/")[0]: round(value, 4)
        for tag, value in metrics.items()
        if tag.endswith("/test") and "_se/" not in tag
    }


def over_all_points(found: Mapping[str, float]) -> dict[str, float]:
    """Both gaps over all points, from the bounds, and the fraction of points whose best q was found.

    The metrics approximation_gap and amortization_gap leave out the points whose search has not converged, which would
    be most of them with a flow and a short search.
    """
    best = found["elbo_optimal"]
    log_p = next(value for tag, value in found.items() if tag.startswith("iwae_"))
    return {
        "elbo": found["elbo"],
        "log_p": log_p,
        "approximation": round(log_p - best, 4),
        "amortization": round(best - found["elbo"], 4),
        "converged": found["gap_converged"],
    }

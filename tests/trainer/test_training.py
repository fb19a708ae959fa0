"""A training is in training mode, and compiling is no training time."""

from typing import Any

import pytest
import torch

from tests.problems import linear_strategy, objective, simulated
from vaerun.data.base import Dataset
from vaerun.data.split import Split
from vaerun.execution.engine.base import Engine, Program
from vaerun.execution.engine.tf32 import TF32
from vaerun.objective.elbo import ELBO
from vaerun.schedule.linear import Linear
from vaerun.schedule.plateau import Plateau
from vaerun.trainer import training as module
from vaerun.trainer.trainer import Trainer

COMPILING, STEP = 100.0, 1.0


class Clock:
    """A clock that only the engine moves."""

    now = 0.0

    def perf_counter(self) -> float:
        return self.now


class Slow(Engine):
    """An engine that compiles a program at its first call, on the clock of the test."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.made, self.spent = clock, set[Program](), 0.0

    def __call__(self, program: Program, *inputs: torch.Tensor) -> Any:
        if program not in self.made:
            self.made.add(program)
            self.clock.now += COMPILING
            self.spent += COMPILING
        self.clock.now += STEP
        return program(*inputs)

    @property
    def compile_seconds(self) -> float:
        return self.spent


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(module, "time", made)
    return made


def given(clock: Clock) -> tuple[Any, Dataset]:
    torch.manual_seed(0)
    x = simulated(8)
    strategy = linear_strategy("joint", x)
    strategy.bound.engine = TF32(Slow(clock))  # a wrapper passes the seconds of its engine on
    return strategy, Dataset("given", Split(x), Split(x[:7]), Split(x[:5]), (x.shape[1],), "none", "real", "sha")


def test_compiling_is_no_training_time_and_does_not_use_up_the_budget(clock: Clock) -> None:
    strategy, data = given(clock)
    training = Trainer(epochs=50, batch_size=4, max_seconds=7 * STEP).fit(strategy, data)
    progress = training.progress
    assert progress.step == 7
    assert progress.train_seconds == pytest.approx(7 * STEP)
    assert progress.compile_seconds == pytest.approx(strategy.bound.engine.compile_seconds)
    assert progress.compile_seconds >= COMPILING
    assert progress.seconds == pytest.approx(clock.now)
    assert training.position()["compile_seconds"] == progress.compile_seconds


def test_a_strategy_that_was_evaluated_is_trained_as_if_it_had_not_been() -> None:
    """An opened run leaves it in evaluation mode, in which the KL weight is 1 and running averages stand still."""
    x, trained = simulated(8), []
    for evaluated in (False, True):
        torch.manual_seed(0)
        strategy = linear_strategy("amortized", x)
        strategy.bound.objective = objective("elbo", 4, beta=0.3)
        data = Dataset("given", Split(x), Split(x[:7]), Split(x[:5]), (x.shape[1],), "none", "real", "sha")
        Trainer(epochs=3, batch_size=4).fit(strategy.eval() if evaluated else strategy, data)
        trained.append(strategy.bound.model.W.detach().clone())
    assert torch.equal(*trained)


def test_a_second_training_of_the_same_objects_begins_its_schedules_anew() -> None:
    torch.manual_seed(0)
    x = simulated(8)
    strategy, weight = linear_strategy("amortized", x), Plateau(patience=0)
    strategy.bound.objective = ELBO(num_samples=4, kl_weight=weight)
    data = Dataset("given", Split(x), Split(x[:7]), Split(x[:5]), (x.shape[1],), "none", "real", "sha")
    weight.validated(1e6)
    weight.validated(0.0)  # an earlier training has ended with half of the weight
    training = Trainer(epochs=1, batch_size=4).fit(strategy, data)
    assert weight.at(1.0) == 1.0
    assert float(weight.best) == training.progress.best


def test_a_second_training_of_the_same_objects_has_a_budget_and_a_cost_of_its_own() -> None:
    torch.manual_seed(0)
    x = simulated(8)
    strategy = linear_strategy("amortized", x)
    data = Dataset("given", Split(x), Split(x[:7]), Split(x[:5]), (x.shape[1],), "none", "real", "sha")
    trainer = Trainer(epochs=50, batch_size=4, max_decoder_evaluations=100)
    steps, costs = [], []
    for _ in range(2):
        steps.append(trainer.fit(strategy, data).progress.step)
        costs.append((strategy.decoder_evaluations, strategy.encoder_evaluations))
    assert steps[0] == steps[1] > 1
    assert costs[0] == costs[1]


def test_schedules_of_one_name_in_two_parts_are_both_followed() -> None:
    torch.manual_seed(0)
    x = simulated(8)
    strategy = linear_strategy("amortized", x)
    strategy.bound.objective.kl_weight = Linear(epochs=4)
    strategy.bound.model.prior.kl_weight = Linear(start=1, end=3, epochs=4)
    data = Dataset("given", Split(x), Split(x[:7]), Split(x[:5]), (x.shape[1],), "none", "real", "sha")
    training = Trainer(epochs=2, batch_size=4).fit(strategy, data)
    assert strategy.bound.objective.kl_weight.now == 1.5 / 4  # at the beginning of the last of four steps
    assert strategy.bound.model.prior.kl_weight.now == 1 + 2 * 1.5 / 4
    assert len(training.schedules) == 2

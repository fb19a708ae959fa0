"""The cause of a divergence: its step, its quantity, and the points."""

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.problems import linear_strategy, simulated
from vaerun.data.base import Dataset
from vaerun.data.loader import Loader
from vaerun.data.split import Split
from vaerun.errors import DivergedError
from vaerun.notation import Batch, Estimate
from vaerun.strategy.base import Strategy
from vaerun.trainer.checkpoint_writer import CheckpointWriter
from vaerun.trainer.checkpoints import Checkpoints
from vaerun.trainer.divergence import cause, fault, places
from vaerun.trainer.trainer import Trainer
from vaerun.trainer.validation import Validation

N, B = 12, 4
pytestmark = pytest.mark.usefixtures("seeded")


def explained(name: str, train: Tensor, valid: Tensor, folder: Path) -> tuple[DivergedError, str]:
    """The error of a training that diverges, and its cause."""
    strategy = linear_strategy(name, simulated(N))
    data = Dataset("given", Split(train), Split(valid), Split(valid[:5]), (train.shape[1],), "none", "real", "sha")
    trainer = Trainer(epochs=5, batch_size=B)
    with pytest.raises(DivergedError) as raised:
        trainer.fit(strategy, data, seed=3, watchers=(CheckpointWriter(folder, Checkpoints(seconds=math.inf)),))
    found = cause(
        strategy, data, validation=Validation(), batch_size=B, seed=3, directory=folder, end=raised.value.step
    )
    assert found is not None
    return raised.value, found


@pytest.mark.parametrize("name", ["joint", "coordinate"])
@pytest.mark.parametrize("point", [0, 7])
def test_a_point_far_from_the_others_is_named_with_the_step_of_its_batch(name: str, point: int, tmp_path: Path) -> None:
    x = simulated(N)
    x[point, 2] = 1e30
    batches = Loader(Split(x), batch_size=B, seed=3).epoch(0)
    visited = next(step for step, batch in enumerate(batches, 1) if point in batch.index)
    error, found = explained(name, x, simulated(7), tmp_path)
    assert "became" in str(error)
    assert found.startswith(f"at step {visited}, ")
    assert f"at training point {point};" in found
    assert f"training point {point} has a value of size 1e+30" in found


def test_validation_points_are_named(tmp_path: Path) -> None:
    valid = simulated(7)
    valid[[1, 4]] = 1e30
    _, found = explained("joint", simulated(N), valid, tmp_path)
    assert found == "every training step is finite, but the bound is not at validation points 1, 4"


def estimate(**changed: Tensor) -> Estimate:
    usual = {name: -torch.ones(3) for name in ("value", "surrogate", "log_likelihood", "kl")}
    return Estimate(**{**usual, **changed}, auxiliary=torch.zeros(()))


@pytest.fixture
def strategy() -> Strategy:
    return linear_strategy("joint", simulated(N))


BATCH = Batch(torch.tensor([9, 5, 2]), torch.zeros(3, 6))


@pytest.mark.parametrize(
    ("term", "words"), [("log_likelihood", "log p(x given z)"), ("kl", "KL"), ("value", "the bound")]
)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_term_is_named_with_its_points(term: str, words: str, value: float, strategy: Strategy) -> None:
    some = torch.tensor([0.0, value, value])
    assert fault(strategy, BATCH, estimate(**{term: some})) == f"{words} is {value} at training points 5, 2"
    every = torch.full((3,), value)
    assert fault(strategy, BATCH, estimate(**{term: every})) == f"{words} is {value} at all 3 points of its batch"


def test_a_gradient_is_named_with_the_lowest_point(strategy: Strategy) -> None:
    weight = strategy.bound.model.W
    weight.grad = torch.full_like(weight, math.inf)
    found = fault(strategy, BATCH, estimate(value=torch.tensor([-1.0, -1e30, -2.0])))
    assert found is not None
    assert found.startswith("the gradient of ")
    assert found.endswith("W is inf; the lowest bound of its batch is -1e+30, at training point 5")


def test_rows_are_named_by_their_points(strategy: Strategy) -> None:
    strategy.table("train").phi[[3, 11], 1] = math.nan  # type: ignore[operator]
    assert fault(strategy, BATCH, estimate()) == "φ is nan at training points 3, 11"


def test_what_is_finite_is_no_fault(strategy: Strategy) -> None:
    assert fault(strategy, BATCH, estimate()) is None


def test_many_places_are_counted() -> None:
    assert places("row", range(8)) == "rows 0, 1, 2, 3, 4 and 3 more"

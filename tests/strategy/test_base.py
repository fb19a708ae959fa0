"""What all strategies report about their weights."""

import pytest
import torch

from tests.problems import linear_strategy, options, plain_ascent, simulated
from vaerun.notation import Batch

pytestmark = pytest.mark.usefixtures("exact")


@pytest.mark.parametrize("name", options("strategy"))
def test_gradient_norms_are_those_of_the_last_step(name: str) -> None:
    x = simulated(6)
    strategy = linear_strategy(name, x, optimizer=plain_ascent)
    before = [weight.detach().clone() for weight in strategy.weights]
    strategy.step(Batch(torch.arange(6), x))
    theta = {id(weight) for weight in strategy.bound.model.parameters()}
    squares = {"theta": 0.0, "lam": 0.0}
    for weight, old in zip(strategy.weights, before, strict=True):
        squares["theta" if id(weight) in theta else "lam"] += float((weight.detach() - old).square().sum())
    norms = {group: float(norm) for group, norm in strategy.gradient_norms().items()}
    assert norms == pytest.approx({group: square**0.5 for group, square in squares.items() if square > 0})


@pytest.mark.parametrize("name", options("strategy"))
def test_parameters_are_counted_by_letter(name: str) -> None:
    strategy = linear_strategy(name, simulated(9))
    counts = strategy.num_parameters()
    assert counts["theta"] == sum(w.numel() for w in strategy.bound.model.parameters())
    assert counts["theta"] + counts["lam"] == sum(w.numel() for w in strategy.parameters())
    assert counts["phi"] == (9 * 4 if strategy.per_point else 0)


def test_the_estimators_own_loss_is_added_to_theirs() -> None:
    x = simulated(6)
    strategy = linear_strategy("amortized", x, optimizer=plain_ascent)
    estimate = strategy.shared(x)
    W = strategy.bound.model.W
    before = W.detach().clone()
    (d_W,) = torch.autograd.grad(estimate.surrogate.mean(), W, retain_graph=True)
    strategy.ascend(estimate._replace(auxiliary=3 * W.sum()))
    torch.testing.assert_close(W.detach() - before, d_W - 3)

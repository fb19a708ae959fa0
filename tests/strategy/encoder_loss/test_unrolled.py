"""θ and λ follow the bound through the steps of the solver."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tests.problems import PlainAscent, linear_strategy, node, plain_ascent, quadrature, simulated
from vaerun.errors import UserError
from vaerun.experiment.make import make
from vaerun.local.optimizer.base import LocalOptimizer
from vaerun.notation import Batch
from vaerun.strategy.base import Strategy

pytestmark = pytest.mark.usefixtures("exact")


def adam() -> LocalOptimizer:
    return make(node("local/optimizer/adam", eps=1e-2), {})


def unrolled(strategy: Strategy, x: Tensor) -> float:
    """mean_i L(x_i; θ, φ_T), with the refinement of the solver, which knows nothing of graphs."""
    with torch.no_grad():
        guess = strategy.amortizer(x)
    phi, state = guess, strategy.solver.optimizer.init(guess)
    for _ in range(strategy.steps):
        phi, state = strategy.solver.step(x, phi, state)
    return float(strategy.bound(x, phi).value.mean())


@pytest.mark.parametrize("rows", [lambda: PlainAscent(0.02), adam], ids=["plain", "adam"])
def test_the_gradient_is_the_finite_difference_of_the_unrolled_bound(
    rows: Callable[[], LocalOptimizer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The noise held: every weight of θ and λ by central differences."""
    quadrature(monkeypatch)
    x = simulated(5)
    strategy = linear_strategy(
        "semi_amortized", x, optimizer=plain_ascent, rows=rows(), nested={"encoder_loss": "unrolled"}, steps=4
    )
    before = [weight.detach().clone() for weight in strategy.weights]
    wanted = []
    for weight in strategy.weights:
        flat, differences = weight.detach().view(-1), torch.zeros(weight.numel())
        for i in range(len(flat)):
            value, ends = float(flat[i]), []
            for step in (1e-5, -1e-5):
                flat[i] = value + step
                ends.append(unrolled(strategy, x))
            flat[i] = value
            differences[i] = (ends[0] - ends[1]) / 2e-5
        wanted.append(differences.view_as(weight))
    strategy.step(Batch(torch.arange(5), x))
    for weight, old, gradient in zip(strategy.weights, before, wanted, strict=True):
        torch.testing.assert_close(weight.detach() - old, gradient, rtol=1e-4, atol=1e-6)


def test_a_coordinate_without_gradient_does_no_harm() -> None:
    """Adam's root has no derivative at 0."""
    x = simulated(5)
    strategy = linear_strategy(
        "semi_amortized", x, estimator="analytic_kl", nested={"encoder_loss": "unrolled"}, steps=2
    )
    with torch.no_grad():
        strategy.bound.model.W.zero_()
        for weight in strategy.amortizer.parameters():
            weight.zero_()  # q is the prior, z says nothing of x, and no φ has a reason to move
    strategy.step(Batch(torch.arange(5), x))
    assert all(bool(torch.isfinite(weight).all()) for weight in strategy.weights)


@pytest.mark.parametrize("estimator", ["score"])
def test_an_estimator_without_second_derivatives_is_refused(estimator: str) -> None:
    with pytest.raises(UserError, match=r"strategy/encoder_loss=unrolled .*Score.*estimator=reparam"):
        linear_strategy("semi_amortized", simulated(5), estimator=estimator, nested={"encoder_loss": "unrolled"})

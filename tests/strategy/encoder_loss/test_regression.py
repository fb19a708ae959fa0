"""λ regresses its guess on what refinement found."""

import pytest
import torch

from tests.problems import PlainAscent, exact_elbo, linear_strategy, plain_ascent, quadrature, simulated
from vaerun.notation import Batch
from vaerun.strategy.encoder_loss.regression import regression

pytestmark = pytest.mark.usefixtures("exact")


def test_lambda_follows_the_squared_distance_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    quadrature(monkeypatch)
    x, rate = simulated(6), 1e-2
    strategy = linear_strategy(
        "semi_amortized",
        x,
        optimizer=plain_ascent,
        rows=PlainAscent(rate),
        nested={"encoder_loss": "regression"},
        steps=1,
    )
    lam = list(strategy.amortizer.parameters())
    guess = strategy.amortizer(x)
    leaf = guess.detach().requires_grad_()
    (step,) = torch.autograd.grad(exact_elbo(strategy.bound.model, x, leaf).sum(), leaf)
    wanted = torch.autograd.grad(-0.5 * (guess - (leaf + rate * step).detach()).square().sum() / 6, lam)
    before = [weight.detach().clone() for weight in lam]
    strategy.step(Batch(torch.arange(6), x))
    for weight, old, gradient in zip(lam, before, wanted, strict=True):
        torch.testing.assert_close(weight.detach() - old, gradient)


def test_the_target_is_a_constant() -> None:
    guess, target = torch.randn(3, 2, requires_grad=True), torch.randn(3, 2, requires_grad=True)
    regression(guess, target).sum().backward()
    assert target.grad is None
    torch.testing.assert_close(guess.grad, (target - guess).detach())

"""λ follows the bound at its own guess."""

import pytest
import torch

from tests.problems import PlainAscent, exact_elbo, linear_strategy, plain_ascent, quadrature, simulated
from vaerun.notation import Batch

pytestmark = pytest.mark.usefixtures("exact")


def test_lambda_follows_the_mean_bound_at_its_guess_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    quadrature(monkeypatch)
    x = simulated(6)
    strategy = linear_strategy(
        "semi_amortized", x, optimizer=plain_ascent, rows=PlainAscent(1e-3), nested={"encoder_loss": "initial_bound"}
    )
    lam = list(strategy.amortizer.parameters())
    wanted = torch.autograd.grad(exact_elbo(strategy.bound.model, x, strategy.amortizer(x)).mean(), lam)
    before = [weight.detach().clone() for weight in lam]
    strategy.step(Batch(torch.arange(6), x))
    for weight, old, gradient in zip(lam, before, wanted, strict=True):
        torch.testing.assert_close(weight.detach() - old, gradient)

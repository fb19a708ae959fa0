"""A new point starts at a guess that learns from what was found."""

import pytest
import torch

from tests.problems import PlainAscent, linear_strategy, plain_ascent, quadrature, simulated
from vaerun.notation import Batch

pytestmark = pytest.mark.usefixtures("exact")


@pytest.mark.parametrize("name", ["coordinate", "joint"])
def test_only_a_first_visit_starts_at_the_guess(name: str) -> None:
    x, first = simulated(6), torch.tensor([0, 4])
    strategy = linear_strategy(name, x, nested={"phi_init": "encoder"})
    strategy.step(Batch(first, x[first]))
    kept = strategy.table("train").phi.clone()
    guess = strategy.phi_init.amortizer(x).detach()
    phi = strategy.begin(Batch(torch.arange(6), x)).phi
    for row in range(6):
        assert torch.equal(phi[row], kept[row] if row in first else guess[row])


@pytest.mark.parametrize("name", ["coordinate", "joint"])
def test_lambda_follows_its_distance_to_what_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    quadrature(monkeypatch)
    x, rows = simulated(6), torch.arange(6)
    strategy = linear_strategy(
        name, x, optimizer=plain_ascent, rows=PlainAscent(1e-3), nested={"phi_init": "encoder"}, theta_steps=2
    )
    strategy.step(Batch(rows, x))
    before = [weight.detach().clone() for weight in strategy.lam]
    guess, started = strategy.phi_init.amortizer(x), strategy.table("train").phi.clone()
    W = strategy.bound.model.W.detach().clone()
    strategy.step(Batch(rows, x))
    found = strategy.table("train").phi if name == "coordinate" else started  # joint moves φ and λ at once
    wanted = torch.autograd.grad(-0.5 * (guess - found).square().sum() / 6, list(strategy.phi_init.parameters()))
    for weight, old, gradient in zip(strategy.lam, before, wanted, strict=True):
        torch.testing.assert_close(weight.detach() - old, gradient)
    assert not torch.equal(strategy.bound.model.W, W)


@pytest.mark.slow
def test_the_guess_comes_near_what_is_found() -> None:
    x, rows = simulated(60), torch.arange(60)
    strategy = linear_strategy("coordinate", x, nested={"phi_init": "encoder"}, k=50)
    for step in range(150):
        for group in strategy.optimizer.param_groups:
            group["lr"] = 0.03 if step < 100 else 0.003
        strategy.step(Batch(rows, x))
    found = strategy.table("train").phi
    with torch.no_grad():
        left = (strategy.phi_init.amortizer(x) - found).square().sum()
    assert left < 0.1 * (found - found.mean(0)).square().sum()

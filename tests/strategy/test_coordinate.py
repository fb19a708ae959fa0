"""φ to its optimum at fixed θ, then θ at fixed φ."""

import pytest
import torch

from tests.problems import PlainAscent, count_decoded, exact_elbo, linear_strategy, plain_ascent, quadrature, simulated
from vaerun.errors import UserError
from vaerun.notation import Batch

pytestmark = pytest.mark.usefixtures("exact")


@pytest.mark.parametrize(("max_steps", "theta_steps"), [(1, 1), (7, 3), (25, 2)])
def test_phi_takes_max_steps_and_theta_its_own(
    max_steps: int, theta_steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, rows = simulated(6), PlainAscent(1e-4)
    strategy = linear_strategy("coordinate", x, k=3, rows=rows, max_steps=max_steps, theta_steps=theta_steps)
    strategy.solver.tolerance = 0.0  # nobody stops before the limit
    decoded = count_decoded(strategy.bound.model, monkeypatch)
    steps: list[int] = []
    step = strategy.optimizer.step
    monkeypatch.setattr(strategy.optimizer, "step", lambda: (steps.append(1), step())[1])
    estimate = strategy.step(Batch(torch.arange(6), x))
    assert len(steps) == theta_steps
    assert rows.updates == max_steps
    assert (strategy.table("train").state.steps == max_steps).all()
    assert (estimate.diagnostics["inner_steps"] == max_steps).all()
    assert strategy.decoder_evaluations == sum(decoded) >= (max_steps + theta_steps) * 6 * 3


def test_theta_moves_at_the_phi_found_and_phi_at_the_old_theta(monkeypatch: pytest.MonkeyPatch) -> None:
    quadrature(monkeypatch)
    x = simulated(6)
    strategy = linear_strategy("coordinate", x, optimizer=plain_ascent, rows=PlainAscent(1e-3), max_steps=3)
    model, phi = strategy.bound.model, strategy.table("train").phi.clone()
    for _ in range(3):
        leaf = phi.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(exact_elbo(model, x, leaf).sum(), leaf)
        phi = phi + 1e-3 * gradient
    (d_W,) = torch.autograd.grad(exact_elbo(model, x, phi).mean(), model.W)
    W = model.W.detach().clone()
    strategy.step(Batch(torch.arange(6), x))
    torch.testing.assert_close(strategy.table("train").phi, phi)
    torch.testing.assert_close(model.W.detach() - W, d_W)


def test_a_point_with_little_left_to_gain_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    quadrature(monkeypatch)
    x = simulated(6)
    strategy = linear_strategy("coordinate", x, max_steps=400)
    strategy.solver.window, strategy.solver.tolerance = 10, 1e-3
    for group in strategy.optimizer.param_groups:
        group["lr"] = 1e-9
    everyone = Batch(torch.arange(6), x)
    first, second = strategy.step(everyone).diagnostics, strategy.step(everyone).diagnostics
    assert (first["inner_steps"] < 400).all()
    assert (second["inner_steps"] == 10).all()  # warm-started: it is there already
    assert second["inner_steps"].mean() < first["inner_steps"].mean()


@pytest.mark.parametrize("keys", [{"max_steps": 0}, {"theta_steps": 0}, {"test_steps": 0}])
def test_no_steps_are_refused(keys: dict[str, int]) -> None:
    with pytest.raises(UserError, match=next(iter(keys))):
        linear_strategy("coordinate", simulated(6), **keys)

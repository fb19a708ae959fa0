"""m λ-steps, then n θ-steps, by schedule."""

from typing import Any

import pytest
import torch

from tests.problems import exact_elbo, linear_strategy, node, plain_ascent, quadrature, simulated
from vaerun.errors import UserError
from vaerun.notation import Batch
from vaerun.strategy.alternating import Alternating
from vaerun.strategy.base import Strategy

pytestmark = pytest.mark.usefixtures("exact")


def alternating(m: float, n: float, **keys: Any) -> Strategy:
    steps = {
        name: node(f"strategy/{name}/constant", constant=v) for name, v in (("lam_schedule", m), ("theta_schedule", n))
    }
    return linear_strategy("alternating", simulated(6), **steps, **keys)


def watch(strategy: Strategy, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A list that grows by the letters that move at every step of the optimiser."""
    moved: list[str] = []
    step = strategy.optimizer.step

    def watched() -> None:
        groups = {"θ": strategy.theta, "λ": strategy.lam}
        before = {letter: [weight.detach().clone() for weight in group] for letter, group in groups.items()}
        step()
        for letter, group in groups.items():
            if not all(torch.equal(weight, old) for weight, old in zip(group, before[letter], strict=True)):
                moved.append(letter)

    monkeypatch.setattr(strategy.optimizer, "step", watched)
    return moved


@pytest.mark.parametrize(("m", "n"), [(1, 1), (3, 1), (1, 3), (2.6, 1.4)])
def test_lambda_takes_m_steps_alone_then_theta_n(m: float, n: float, monkeypatch: pytest.MonkeyPatch) -> None:
    strategy = alternating(m, n, k=3)
    moved = watch(strategy, monkeypatch)
    strategy.step(Batch(torch.arange(6), simulated(6)))
    lam, theta = round(m), round(n)
    assert moved == ["λ"] * lam + ["θ"] * theta
    assert strategy.decoder_evaluations == (lam + theta) * 6 * 3
    assert strategy.encoder_evaluations == (lam + 1) * 6


def test_the_numbers_follow_their_schedules(monkeypatch: pytest.MonkeyPatch) -> None:
    x = simulated(6)
    nested = {"lam_schedule": "linear", "theta_schedule": "linear"}
    strategy = linear_strategy("alternating", x, nested=nested)
    assert isinstance(strategy, Alternating)
    moved = watch(strategy, monkeypatch)
    for epochs, m, n in ((0.0, 10, 1), (5.0, 6, 3), (10.0, 1, 5), (50.0, 1, 5)):
        strategy.lam_schedule.advance(epochs)
        strategy.theta_schedule.advance(epochs)
        moved.clear()
        strategy.step(Batch(torch.arange(6), x))
        assert (moved.count("λ"), moved.count("θ")) == (m, n)


def test_lambda_moves_at_the_old_theta_and_theta_at_the_new_lambda(monkeypatch: pytest.MonkeyPatch) -> None:
    quadrature(monkeypatch)
    x = simulated(6)
    strategy = alternating(1, 1, optimizer=plain_ascent)
    model, amortizer = strategy.bound.model, strategy.amortizer
    lam = list(amortizer.parameters())
    gradients = torch.autograd.grad(exact_elbo(model, x, amortizer(x)).mean(), lam)
    expected = [weight.detach() + gradient for weight, gradient in zip(lam, gradients, strict=True)]
    strategy.step(Batch(torch.arange(6), x))
    for weight, value in zip(lam, expected, strict=True):
        torch.testing.assert_close(weight.detach(), value)


def test_a_schedule_that_starts_at_no_step_is_refused() -> None:
    for m, n, name in ((0, 1, "lam_schedule"), (1, 0.4, "theta_schedule")):
        with pytest.raises(UserError, match=name):
            alternating(m, n)

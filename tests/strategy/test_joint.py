"""m φ-steps for n θ-steps."""

import pytest
import torch

from tests.problems import PlainAscent, exact_elbo, linear_strategy, plain_ascent, quadrature, simulated
from vaerun.errors import UserError
from vaerun.notation import Batch

pytestmark = pytest.mark.usefixtures("exact")

RATE = 1e-3


@pytest.mark.parametrize(("m", "n"), [(1, 1), (3, 1), (1, 4), (2, 3)])
def test_phi_takes_m_steps_and_theta_n(m: int, n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    x, rows = simulated(6), PlainAscent(RATE)
    strategy = linear_strategy("joint", x, k=3, rows=rows, phi_steps=m, theta_steps=n)
    steps: list[int] = []
    step = strategy.optimizer.step
    monkeypatch.setattr(strategy.optimizer, "step", lambda: (steps.append(1), step())[1])
    strategy.step(Batch(torch.arange(6), x))
    assert len(steps) == n
    assert rows.updates == m
    assert (strategy.table("train").state.steps == m).all()
    assert strategy.decoder_evaluations == (m + n - 1) * 6 * 3
    assert strategy.encoder_evaluations == 0


def test_in_sync_both_follow_one_gradient_at_the_old_place(monkeypatch: pytest.MonkeyPatch) -> None:
    quadrature(monkeypatch)
    x = simulated(6)
    strategy = linear_strategy("joint", x, optimizer=plain_ascent, rows=PlainAscent(RATE))
    model = strategy.bound.model
    leaf = strategy.table("train").phi.clone().requires_grad_()
    elbo = exact_elbo(model, x, leaf)
    (d_phi,) = torch.autograd.grad(elbo.sum(), leaf, retain_graph=True)  # a sum: no point dilutes another's step
    d_W, d_sigma = torch.autograd.grad(elbo.mean(), (model.W, model.raw_log_sigma))
    before = model.W.detach().clone(), model.raw_log_sigma.detach().clone()
    estimate = strategy.step(Batch(torch.arange(6), x))
    torch.testing.assert_close(strategy.table("train").phi - leaf.detach(), RATE * d_phi)
    torch.testing.assert_close(model.W.detach() - before[0], d_W)
    torch.testing.assert_close(model.raw_log_sigma.detach() - before[1], d_sigma)
    torch.testing.assert_close(estimate.diagnostics["gradient_norm_phi"], d_phi.norm(dim=1))


def test_more_phi_steps_come_before_theta_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    quadrature(monkeypatch)
    x = simulated(6)
    strategy = linear_strategy("joint", x, optimizer=plain_ascent, rows=PlainAscent(RATE), phi_steps=3)
    model, phi = strategy.bound.model, strategy.table("train").phi.clone()
    for _ in range(3):
        leaf = phi.clone().requires_grad_()
        elbo = exact_elbo(model, x, leaf)
        d_phi, d_W = torch.autograd.grad(elbo.sum(), (leaf, model.W))
        phi = phi + RATE * d_phi
    W = model.W.detach().clone()
    strategy.step(Batch(torch.arange(6), x))
    torch.testing.assert_close(strategy.table("train").phi, phi)
    torch.testing.assert_close(model.W.detach() - W, d_W / 6)


@pytest.mark.parametrize("keys", [{"phi_steps": 0}, {"theta_steps": 0}, {"test_steps": 0}])
def test_no_steps_are_refused(keys: dict[str, int]) -> None:
    with pytest.raises(UserError, match=next(iter(keys))):
        linear_strategy("joint", simulated(6), **keys)

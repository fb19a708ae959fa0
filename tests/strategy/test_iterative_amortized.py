"""A network refines φ by looking at its gradient."""

import pytest
import torch

from tests.problems import exact_elbo, linear_strategy, plain_ascent, quadrature, simulated
from vaerun.errors import UserError
from vaerun.notation import Batch

pytestmark = pytest.mark.usefixtures("exact")


def test_lambda_climbs_the_mean_over_the_iterations_and_theta_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    quadrature(monkeypatch)
    x = simulated(6)
    strategy = linear_strategy("iterative_amortized", x, optimizer=plain_ascent, steps=3)
    model = strategy.bound.model
    phi = strategy.amortizer(x)
    bounds = [exact_elbo(model, x, phi)]
    for _ in range(3):
        leaf = phi.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(exact_elbo(model, x, leaf).sum(), leaf)
        phi = leaf.detach() + strategy.refiner(leaf.detach(), gradient)
        bounds.append(exact_elbo(model, x, phi))
    d_lam = torch.autograd.grad(torch.stack(bounds).mean(), strategy.lam, retain_graph=True)
    d_theta = torch.autograd.grad(bounds[-1].mean(), strategy.theta)
    before = [weight.detach().clone() for weight in (*strategy.lam, *strategy.theta)]
    estimate = strategy.step(Batch(torch.arange(6), x))
    for weight, old, gradient in zip((*strategy.lam, *strategy.theta), before, (*d_lam, *d_theta), strict=True):
        torch.testing.assert_close(weight.detach() - old, gradient)
    torch.testing.assert_close(estimate.diagnostics["refinement_gain"], (bounds[-1] - bounds[0]).detach())
    assert strategy.decoder_evaluations == 4 * 6 * 4
    assert strategy.encoder_evaluations == 6


def test_a_new_point_is_refined_as_in_training(monkeypatch: pytest.MonkeyPatch) -> None:
    quadrature(monkeypatch)
    x, used = simulated(6), []
    strategy = linear_strategy("iterative_amortized", x, steps=3)
    forward = strategy.bound.forward
    monkeypatch.setattr(strategy.bound, "forward", lambda x, phi: (used.append(phi.detach()), forward(x, phi))[1])
    inferred = strategy.infer(x).phi
    used.clear()
    strategy.step(Batch(torch.arange(6), x))
    torch.testing.assert_close(used[-1], inferred)
    assert not inferred.requires_grad


def test_no_steps_are_refused() -> None:
    with pytest.raises(UserError, match="steps"):
        linear_strategy("iterative_amortized", simulated(6), steps=0)

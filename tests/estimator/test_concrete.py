"""∇ J(r(z̃)): the exact gradient of a relaxed objective, which is another one."""

import itertools

import pytest
import torch
from torch import Tensor

from tests.problems import family_and_model, give, node, objective, space, truth
from vaerun.build import make
from vaerun.estimator.concrete import Concrete

pytestmark = pytest.mark.usefixtures("exact")

X = torch.tensor([[1.0, 0.0, 1.0]], dtype=torch.float64)


def concrete(temperature: float) -> Concrete:
    estimator = make(node("estimator/concrete", {"temperature": "constant"}), {})
    estimator.temperature.constant = temperature
    estimator.temperature.advance(0.0)
    return estimator


def on_average(temperature: float, phi: Tensor) -> tuple[Tensor, Tensor]:
    """(mean gradient, the bound's) in the logit of one bit; the noise on a grid of its quantiles."""
    family, model = family_and_model("bernoulli", latent_dim=1)
    levels = (torch.arange(20_000) + 0.5) / 20_000
    noise = levels.logit().reshape(1, -1, 1)
    leaf = phi.expand(len(levels), 1).clone().requires_grad_()
    q = give(family(leaf), "noise", noise)
    estimate = concrete(temperature)(q, model, objective("elbo", 1), X.expand(len(levels), -1))
    (gradient,) = torch.autograd.grad(estimate.surrogate.sum(), leaf)
    exact = phi.clone().requires_grad_()
    (wanted,) = torch.autograd.grad(
        truth(family(exact), model, objective("elbo", 1), X, space("binary", 1)).bound, exact
    )
    return gradient.mean(), wanted.squeeze()


def test_its_bias_vanishes_with_the_temperature() -> None:
    errors = []
    for temperature in (1.0, 0.3, 0.1, 0.03):
        torch.manual_seed(2)
        found, wanted = on_average(temperature, torch.tensor([[0.4]]))
        errors.append(float((found - wanted).abs() / wanted.abs()))
    assert errors[0] > 0.03
    assert all(b < a for a, b in itertools.pairwise(errors))
    assert errors[-1] < 2e-3


def test_the_figures_are_of_the_hard_samples_and_what_is_trained_is_named() -> None:
    family, model = family_and_model("bernoulli", latent_dim=2)
    q, J = family(torch.tensor([[0.4, -0.7]], requires_grad=True)), objective("iwae", 3)
    estimator = concrete(0.5)
    torch.manual_seed(3)
    estimate = estimator(q, model, J, X)
    torch.manual_seed(3)
    g = q.perturb(q.noise(3))
    z, soft = q.harden(g), q.soften(g, 0.5)
    torch.testing.assert_close(estimate.value, J(model.log_joint(X, z) - q.log_prob(z)).detach())
    torch.testing.assert_close(estimate.kl, (q.log_prob(z) - model.log_prior(z)).mean(0).detach())
    relaxed = J(model.log_joint(X, soft) - q.log_prob(soft))
    torch.testing.assert_close(estimate.surrogate, relaxed)
    torch.testing.assert_close(estimate.diagnostics["relaxed_objective"], relaxed.detach())
    assert not torch.allclose(relaxed, estimate.value)

"""The path gradient: nothing is left of it at the exact posterior, and its weights are those of the papers."""

import pytest
import torch
from torch import Tensor

from tests.problems import give, linear_gaussian, node, objective
from vaerun.experiment.make import make
from vaerun.model.linear_gaussian import LinearGaussian
from vaerun.notation import Estimate
from vaerun.posterior.gaussian import DiagonalGaussian

pytestmark = pytest.mark.usefixtures("exact")


def problem() -> tuple[LinearGaussian, Tensor]:
    """A model whose posterior is diagonal, since W's columns are orthogonal, and two points."""
    W = torch.tensor([[0.7, -0.4], [0.4, 0.7], [0.0, 0.5]])
    W[:, 1] -= (W[:, 0] @ W[:, 1]) / (W[:, 0] @ W[:, 0]) * W[:, 0]
    return linear_gaussian(W, torch.tensor([0.1, 0.2, -0.3]), 0.5), torch.tensor([[1.0, -0.3, 0.2], [0.4, 2.0, -1.0]])


class Drawn:
    """One estimate with given noise, and its gradients in μ, log σ and W."""

    def __init__(self, estimator: str, name: str, mu: Tensor, log_sigma: Tensor, noise: Tensor, *, beta: float) -> None:
        model, x = problem()
        mu, log_sigma = mu.clone().requires_grad_(), log_sigma.clone().requires_grad_()
        q = give(DiagonalGaussian(mu, log_sigma), "noise", noise)
        self.estimate: Estimate = make(node(f"estimator/{estimator}"), {})(
            q, model, objective(name, len(noise), beta), x
        )
        gradients = torch.autograd.grad(self.estimate.surrogate.sum(), (mu, log_sigma, model.W))
        self.mu, self.log_sigma, self.W = gradients


def away() -> tuple[Tensor, Tensor, Tensor]:
    """(μ, log σ, three draws of noise) of a q that is not the posterior."""
    return torch.randn(2, 2), 0.3 * torch.randn(2, 2), torch.randn(3, 2, 2)


@pytest.mark.parametrize("name", ["elbo", "iwae", "renyi"])
@pytest.mark.parametrize("k", [1, 3])
def test_at_the_exact_posterior_phi_has_no_gradient_whatever_was_drawn(name: str, k: int) -> None:
    model, x = problem()
    mean, covariance = model.exact_posterior(x)
    torch.testing.assert_close(covariance, covariance.diagonal().diag())
    log_sigma = covariance.diagonal().log().mul(0.5).expand(2, 2)
    found = Drawn("doubly_reparam", name, mean.detach(), log_sigma.detach(), torch.randn(k, 2, 2), beta=1.0)
    torch.testing.assert_close(found.estimate.value, model.exact_log_prob(x).detach())
    torch.testing.assert_close(found.mu, torch.zeros(2, 2), rtol=0, atol=1e-12)
    torch.testing.assert_close(found.log_sigma, torch.zeros(2, 2), rtol=0, atol=1e-12)
    assert found.W.abs().max() > 0.1


@pytest.mark.parametrize("beta", [1.0, 0.3])
def test_on_the_elbo_it_is_the_plain_gradient_without_the_score(beta: float) -> None:
    mu, log_sigma, noise = away()
    found = Drawn("doubly_reparam", "elbo", mu, log_sigma, noise, beta=beta)
    plain = Drawn("reparam", "elbo", mu, log_sigma, noise, beta=beta)
    score_mu, score_log_sigma = noise / log_sigma.exp(), noise.square() - 1
    torch.testing.assert_close(found.mu, plain.mu + beta * score_mu.mean(0))
    torch.testing.assert_close(found.log_sigma, plain.log_sigma + beta * score_log_sigma.mean(0))


@pytest.mark.parametrize("name", ["elbo", "iwae", "renyi"])
def test_theta_keeps_the_plain_gradient_and_the_figures_are_the_same(name: str) -> None:
    arguments = away()
    found = Drawn("doubly_reparam", name, *arguments, beta=0.3)
    plain = Drawn("reparam", name, *arguments, beta=0.3)
    torch.testing.assert_close(found.W, plain.W)
    for field in ("value", "log_likelihood", "kl"):
        torch.testing.assert_close(getattr(found.estimate, field), getattr(plain.estimate, field))


def test_on_the_importance_weighted_bound_the_weights_are_squared() -> None:
    """Σ_k w̃_k² ∂r_k/∂z_k ∇g, with each path from a bound of one sample."""
    mu, log_sigma, noise = away()
    found = Drawn("doubly_reparam", "iwae", mu, log_sigma, noise, beta=1.0)
    single = [Drawn("doubly_reparam", "elbo", mu, log_sigma, noise[[k]], beta=1.0) for k in range(3)]
    w = torch.stack([one.estimate.value for one in single]).softmax(0).unsqueeze(-1)
    torch.testing.assert_close(found.mu, (w.square() * torch.stack([one.mu for one in single])).sum(0))
    torch.testing.assert_close(found.log_sigma, (w.square() * torch.stack([one.log_sigma for one in single])).sum(0))


def test_on_renyis_bound_the_weights_are_between_those_of_the_two_others() -> None:
    """(½ a + ½ a²) at α = ½, with a ∝ exp(½ r)."""
    mu, log_sigma, noise = away()
    found = Drawn("doubly_reparam", "renyi", mu, log_sigma, noise, beta=1.0)
    single = [Drawn("doubly_reparam", "elbo", mu, log_sigma, noise[[k]], beta=1.0) for k in range(3)]
    a = torch.stack([0.5 * one.estimate.value for one in single]).softmax(0).unsqueeze(-1)
    torch.testing.assert_close(found.mu, (0.5 * (a + a.square()) * torch.stack([one.mu for one in single])).sum(0))

"""Probabilistic PCA against the multivariate normal."""

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from tests.problems import exact_elbo, linear_gaussian, optimal_phi, space
from vaerun.model.linear_gaussian import LinearGaussian, maximum_log_likelihood

pytestmark = pytest.mark.usefixtures("exact")

X, D = 4, 2


@pytest.fixture
def model(exact: None) -> LinearGaussian:
    W = torch.randn(X, D)
    return linear_gaussian(W + W.flip(1) / 2, torch.randn(X), 0.7)  # columns far from orthogonal


@pytest.fixture
def x(model: LinearGaussian) -> Tensor:
    return model.sample(300)


def marginal(model: LinearGaussian) -> MultivariateNormal:
    W = model.W.detach()
    return MultivariateNormal(model.mu.detach(), W @ W.T + 0.7**2 * torch.eye(X))


def test_sigma_starts_at_the_spread_it_is_given(model: LinearGaussian) -> None:
    assert float(model.log_sigma().detach()) == pytest.approx(math.log(0.7))


def test_its_likelihood_is_a_normal(model: LinearGaussian, x: Tensor) -> None:
    z = torch.randn(3, len(x), D)
    peer = Normal(z @ model.W.detach().T + model.mu.detach(), 0.7).log_prob(x).sum(-1)
    torch.testing.assert_close(model.log_likelihood(x, z).detach(), peer)


def test_log_p_is_the_marginals(model: LinearGaussian, x: Tensor) -> None:
    torch.testing.assert_close(model.exact_log_prob(x).detach(), marginal(model).log_prob(x))
    over = space("real", D, width=8.0, cell=0.1)
    integral = model.log_joint(x[:3], over.z.expand(-1, 3, -1)).logsumexp(0) + math.log(over.volume)
    torch.testing.assert_close(integral.detach(), model.exact_log_prob(x[:3]).detach())


def test_its_samples_have_its_covariance(model: LinearGaussian) -> None:
    n = 40_000
    peer = marginal(model)
    white = torch.linalg.solve_triangular(peer.scale_tril, (model.sample(n) - peer.mean).T, upper=False)
    assert white.mean(1).abs().max() < 5 / n**0.5
    assert (white @ white.T / n - torch.eye(X)).abs().max() < 5 * (2 / n) ** 0.5


def test_bayes_theorem(model: LinearGaussian, x: Tensor) -> None:
    """log p(x, z) − log p(z given x) is log p(x) at every z."""
    mean, covariance = model.exact_posterior(x)
    posterior, z = MultivariateNormal(mean.detach(), covariance.detach()), torch.randn(5, len(x), D)
    evidence = model.log_joint(x, z).detach() - posterior.log_prob(z)
    torch.testing.assert_close(evidence, model.exact_log_prob(x).detach().expand(5, -1))
    torch.testing.assert_close(model.precision().detach(), covariance.inverse().detach())


def test_the_diagonal_gap_is_the_kl_of_the_best_diagonal_q(model: LinearGaussian, x: Tensor) -> None:
    mean, covariance = (t.detach() for t in model.exact_posterior(x[:1]))
    posterior = MultivariateNormal(mean[0], covariance)
    precision = model.precision().detach()

    def kl(log_variances: Tensor) -> Tensor:
        return kl_divergence(MultivariateNormal(mean[0], log_variances.exp().diag()), posterior)

    best = -precision.diagonal().log()
    gap = float(model.diagonal_gap().detach())
    assert gap > 1e-4
    assert float(kl(best)) == pytest.approx(gap, abs=1e-12)
    for _ in range(20):
        assert float(kl(best + torch.randn(D))) > gap
    # … and so log p(x) minus the ELBO there, at every x.
    at_best = exact_elbo(model, x, optimal_phi(model, x))
    torch.testing.assert_close((model.exact_log_prob(x) - at_best).detach(), torch.full((len(x),), gap))


def principal_components(x: Tensor, rotation: Tensor) -> LinearGaussian:
    """The model at its maximum-likelihood solution, W rotated."""
    centred = x - x.mean(0)
    values, vectors = torch.linalg.eigh(centred.T @ centred / len(x))
    variance = values[:-D].mean()
    W = vectors[:, -D:] @ (values[-D:] - variance).sqrt().diag() @ rotation
    return linear_gaussian(W, x.mean(0), float(variance.sqrt()))


def test_the_maximum_is_reached_by_pca_and_by_nothing_beyond_it(x: Tensor) -> None:
    maximum = maximum_log_likelihood(x, D)
    angle = torch.tensor(0.4)
    rotation = torch.stack((torch.stack((angle.cos(), -angle.sin())), torch.stack((angle.sin(), angle.cos()))))
    for turn in (torch.eye(D), rotation):
        best = principal_components(x, turn)
        assert float(best.exact_log_prob(x).detach().mean()) == pytest.approx(maximum, abs=1e-10)
    weights = list(best.parameters())
    for gradient in torch.autograd.grad(best.exact_log_prob(x).mean(), weights):
        assert gradient.abs().max() < 1e-10
    for _ in range(20):
        with torch.no_grad():
            for weight in weights:
                weight.add_(0.05 * torch.randn_like(weight))
        assert float(best.exact_log_prob(x).detach().mean()) < maximum


def test_unrotated_principal_components_leave_no_gap(x: Tensor) -> None:
    best = principal_components(x, torch.eye(D))
    assert float(best.diagonal_gap().detach()) == pytest.approx(0, abs=1e-10)
    values = torch.linalg.eigvalsh((x - x.mean(0)).T @ (x - x.mean(0)) / len(x))
    phi = optimal_phi(best, x)
    mean, log_sigma = phi[:, :D], -0.5 * best.precision().diagonal().log().detach()
    kl = 0.5 * (mean.square().mean(0) + (2 * log_sigma).exp() - 1 - 2 * log_sigma)
    torch.testing.assert_close(kl, 0.5 * (values[-D:] / values[:-D].mean()).log())  # KL_i = ½ ln(λ_i/σ²)

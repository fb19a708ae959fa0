"""z = g(ε; φ): the variance of the gradient where it is known."""

import pytest
import torch

from tests.problems import all_draws, give, linear_gaussian, node, objective
from vaerun.experiment.make import make
from vaerun.posterior.gaussian import DiagonalGaussian

pytestmark = pytest.mark.usefixtures("exact")


def test_at_the_exact_posterior_the_gradients_variance_is_the_fisher_information() -> None:
    model = linear_gaussian(torch.tensor([[0.7], [-0.4]]), torch.tensor([0.1, 0.2]), 0.5)
    x = torch.tensor([[1.0, -0.3]])
    mean, covariance = (t.detach() for t in model.exact_posterior(x))
    v = float(covariance)
    draws = all_draws(DiagonalGaussian(mean, mean), 1)
    rows = len(draws.probability)
    mu = mean.expand(rows, 1).clone().requires_grad_()
    log_sigma = torch.full((rows, 1), v).log().mul(0.5).requires_grad_()
    q = give(DiagonalGaussian(mu, log_sigma), "noise", draws.values)
    estimate = make(node("estimator/reparam"), {})(q, model, objective("elbo", 1), x.expand(rows, -1))
    d_mu, d_log_sigma = torch.autograd.grad(estimate.surrogate.sum(), (mu, log_sigma))
    p = draws.probability.unsqueeze(1)
    for gradient, variance in ((d_mu, 1 / v), (d_log_sigma, 2.0)):
        assert float((p * gradient).sum()) == pytest.approx(0, abs=1e-10)
        assert float((p * gradient.square()).sum()) == pytest.approx(variance, abs=1e-10)
    # r(z) is log p(x) wherever z falls.
    torch.testing.assert_close(estimate.value, model.exact_log_prob(x).detach().expand(rows))


def test_the_gradient_of_one_sample_goes_through_the_sample() -> None:
    model = linear_gaussian(torch.tensor([[2.0]]), torch.tensor([0.0]), 1.0)
    mu, log_sigma = torch.tensor([[0.3]], requires_grad=True), torch.tensor([[-0.2]], requires_grad=True)
    eps, x = 0.8, torch.tensor([[1.5]])
    q = give(DiagonalGaussian(mu, log_sigma), "noise", torch.tensor([[[eps]]]))
    estimate = make(node("estimator/reparam"), {})(q, model, objective("elbo", 1), x)
    d_mu, d_log_sigma = torch.autograd.grad(estimate.surrogate.sum(), (mu, log_sigma))
    sigma = float(log_sigma.detach().exp())
    z = 0.3 + sigma * eps
    slope = 2 * (1.5 - 2 * z) - z  # ∂ log p(x, z)/∂z; log q(g(ε; φ)) is −log σ and a constant
    assert float(d_mu) == pytest.approx(slope, abs=1e-12)
    assert float(d_log_sigma) == pytest.approx(slope * sigma * eps + 1, abs=1e-12)

"""E_ε[log p(x given z)] − β KL: only the likelihood is sampled."""

import pytest
import torch

from tests.problems import linear_gaussian, node, objective
from vaerun.experiment.make import make
from vaerun.posterior.gaussian import DiagonalGaussian

pytestmark = pytest.mark.usefixtures("exact")


def test_where_the_likelihood_ignores_z_nothing_is_random() -> None:
    model = linear_gaussian(torch.zeros(2, 2), torch.zeros(2), 1.0)
    mu = torch.tensor([[0.5, -1.0]], requires_grad=True)
    log_sigma = torch.tensor([[0.2, -0.4]], requires_grad=True)
    x = torch.tensor([[0.3, 0.1]])
    beta = 0.7
    estimate = make(node("estimator/analytic_kl"), {})(
        DiagonalGaussian(mu, log_sigma), model, objective("elbo", 2, beta), x
    )
    d_mu, d_log_sigma = torch.autograd.grad(estimate.surrogate.sum(), (mu, log_sigma))
    torch.testing.assert_close(d_mu, -beta * mu)
    torch.testing.assert_close(d_log_sigma, -beta * ((2 * log_sigma).exp() - 1))
    kl = 0.5 * (mu.square() + (2 * log_sigma).exp() - 1 - 2 * log_sigma).sum(1)
    torch.testing.assert_close(estimate.kl, kl.detach())
    torch.testing.assert_close(estimate.value, (estimate.log_likelihood - beta * kl).detach())

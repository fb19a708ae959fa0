"""q(z; φ) = Π_d N(z_d; μ_d + f_d(z_1, …, z_{d−1}, φ), σ_d(z_1, …, z_{d−1}, φ)²)."""

import pytest
import torch
from torch import Tensor

from tests.problems import node
from vaerun.experiment.make import make
from vaerun.posterior.autoregressive_gaussian import AutoregressiveGaussian, DependentGaussian
from vaerun.posterior.full_gaussian import CorrelatedGaussian
from vaerun.posterior.gaussian import Gaussian

pytestmark = pytest.mark.usefixtures("exact")

A = torch.tensor([[0.0, 0.0, 0.0], [0.7, 0.0, 0.0], [-0.4, 1.1, 0.0]], dtype=torch.float64)


def linear(z: Tensor, context: Tensor) -> Tensor:
    """f = A z with a strictly lower triangular A, g = 0."""
    return torch.stack((z @ A.T, torch.zeros_like(z)), dim=-1)


def test_without_a_network_it_is_the_diagonal_gaussian() -> None:
    phi, z = torch.randn(4, 6), torch.randn(5, 4, 3)
    q = DependentGaussian(phi, lambda z, context: torch.zeros(*z.shape, 2))
    torch.testing.assert_close(q.log_prob(z), Gaussian(latent_dim=3)(phi).log_prob(z))
    family: AutoregressiveGaussian = make(node("posterior/autoregressive_gaussian"), {"latent_dim": 3})
    assert family.num_parameters == 6


def test_with_a_linear_one_it_is_a_correlated_gaussian() -> None:
    """z = μ + A z + σ ε is z = (I − A)⁻¹ (μ + σ ε)."""
    mu, raw = torch.randn(2, 3), torch.randn(2, 3)
    q, z = DependentGaussian(torch.cat((mu, raw), 1), linear), torch.randn(5, 2, 3)
    inverse = torch.linalg.inv(torch.eye(3) - A)
    sigma = Gaussian(latent_dim=3)(torch.cat((mu, raw), 1)).log_sigma.exp()
    factor = inverse @ torch.diag_embed(sigma)
    below = factor / factor.diagonal(dim1=-2, dim2=-1).unsqueeze(-1) - torch.eye(3)
    peer = CorrelatedGaussian(mu @ inverse.T, sigma.log(), below)
    torch.testing.assert_close(q.log_prob(z), peer.log_prob(z))
    noise = torch.randn(5, 2, 3)
    torch.testing.assert_close(q.transport(noise)[0], (mu + sigma * noise) @ inverse.T)

"""q(z; φ) = N(z; μ, diag σ²)."""

import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from tests.problems import node
from vaerun.experiment.make import make
from vaerun.nn.bounded_scale import LIMIT, bounded_log_scale
from vaerun.posterior.gaussian import DiagonalGaussian, Gaussian

pytestmark = pytest.mark.usefixtures("exact")


def test_phi_is_the_mean_and_a_bounded_log_scale() -> None:
    family: Gaussian = make(node("posterior/gaussian"), {"latent_dim": 2})
    assert family.num_parameters == 4
    q = family(torch.tensor([[0.5, -2.0, 0.3, -90.0]]))
    assert q.mean().tolist() == [[0.5, -2.0]]
    assert float(q.log_sigma[0, 0]) == pytest.approx(7 * math.tanh(0.3 / 7))
    assert float(q.log_sigma[0, 1]) == pytest.approx(-7, abs=1e-6)
    assert torch.equal(family(family.initial().unsqueeze(0)).log_sigma, torch.zeros(1, 2))


def test_density_and_kl_are_those_of_independent_normals() -> None:
    mu, log_sigma = torch.randn(3, 2), 0.5 * torch.randn(3, 2)
    q, peer, z = DiagonalGaussian(mu, log_sigma), Normal(mu, log_sigma.exp()), torch.randn(4, 3, 2)
    torch.testing.assert_close(q.log_prob(z), peer.log_prob(z).sum(-1))
    prior = make(node("model/prior/standard_normal"), {"latent_dim": 2})
    torch.testing.assert_close(q.kl(prior), kl_divergence(peer, Normal(0.0, 1.0)).sum(-1))


def test_the_scale_is_the_identity_near_zero_and_bounded_far_away() -> None:
    raw = torch.tensor([-1e6, -0.01, 0.0, 0.01, 1e6], requires_grad=True)
    scale = bounded_log_scale(raw)
    torch.testing.assert_close(scale.detach(), torch.tensor([-LIMIT, -0.01, 0.0, 0.01, LIMIT]), rtol=1e-5, atol=0)
    (slope,) = torch.autograd.grad(scale.sum(), raw)
    torch.testing.assert_close(slope, torch.tensor([0.0, 1.0, 1.0, 1.0, 0.0]), rtol=1e-5, atol=1e-12)

"""q(z; φ) = N(z; μ, diag σ² + V Vᵀ)."""

import pytest
import torch
from torch.distributions import LowRankMultivariateNormal, MultivariateNormal, kl_divergence

from tests.problems import node
from vaerun.errors import UserError
from vaerun.experiment.make import make
from vaerun.posterior.low_rank_gaussian import LowRankGaussian

pytestmark = pytest.mark.usefixtures("exact")


@pytest.mark.parametrize("rank", [1, 2, 5])
def test_it_is_the_low_rank_normal_of_its_factors(rank: int) -> None:
    family: LowRankGaussian = make(node("posterior/low_rank_gaussian", rank=rank), {"latent_dim": 4})
    assert family.num_parameters == 4 * (2 + rank)
    q, z = family(torch.randn(3, family.num_parameters)), torch.randn(5, 3, 4)
    V = q.log_sigma.exp().unsqueeze(-1) * q.factors
    peer = LowRankMultivariateNormal(q.mu, V, (2 * q.log_sigma).exp())
    torch.testing.assert_close(q.log_prob(z), peer.log_prob(z))
    noise = q.noise(5)
    assert noise.shape == (5, 3, 4 + rank)
    own, common = noise[..., :4], noise[..., 4:]
    torch.testing.assert_close(
        q.transport(noise)[0], q.mu + q.log_sigma.exp() * own + torch.einsum("bdr,kbr->kbd", V, common)
    )
    prior = make(node("model/prior/standard_normal"), {"latent_dim": 4})
    full = MultivariateNormal(q.mu, peer.covariance_matrix)
    torch.testing.assert_close(q.kl(prior), kl_divergence(full, MultivariateNormal(torch.zeros(4), torch.eye(4))))


def test_its_samples_have_its_covariance() -> None:
    family = LowRankGaussian(latent_dim=3, rank=2)
    q = family(torch.randn(1, family.num_parameters))
    V = q.log_sigma.exp().unsqueeze(-1) * q.factors
    wanted = (V @ V.mT + torch.diag_embed((2 * q.log_sigma).exp()))[0]
    found = q.sample(200_000)[:, 0].T.cov()
    scale = wanted.diagonal().sqrt()
    assert ((found - wanted) / torch.outer(scale, scale)).abs().max() < 5 * (2 / 200_000) ** 0.5


def test_a_rank_below_one_is_refused() -> None:
    with pytest.raises(UserError, match="posterior=gaussian"):
        LowRankGaussian(latent_dim=3, rank=0)


def test_it_starts_where_its_factors_have_a_gradient() -> None:
    family = LowRankGaussian(latent_dim=3, rank=2)
    phi = family.initial().unsqueeze(0).requires_grad_()
    z = torch.linspace(-1, 2, 3).expand(1, 1, 3)
    (gradient,) = torch.autograd.grad(family(phi).log_prob(z).sum(), phi)
    assert (gradient[0, 6:] != 0).all()

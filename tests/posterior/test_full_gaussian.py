"""q(z; φ) = N(z; μ, L Lᵀ)."""

import pytest
import torch
from torch.distributions import MultivariateNormal, kl_divergence

from tests.problems import node
from vaerun.experiment.make import make
from vaerun.nn.bounded_scale import bounded_log_scale
from vaerun.posterior.full_gaussian import FullGaussian
from vaerun.posterior.gaussian import Gaussian

pytestmark = pytest.mark.usefixtures("exact")


def test_phi_is_a_mean_a_bounded_log_scale_and_rows_below_the_diagonal() -> None:
    family: FullGaussian = make(node("posterior/full_gaussian"), {"latent_dim": 3})
    assert family.num_parameters == 9
    q = family(torch.tensor([[1.0, 2.0, 3.0, 0.1, 0.2, -50.0, 0.5, -0.4, 90.0]]))
    assert q.mean().tolist() == [[1.0, 2.0, 3.0]]
    torch.testing.assert_close(q.log_sigma[0], bounded_log_scale(torch.tensor([0.1, 0.2, -50.0])))
    wanted = torch.zeros(3, 3)
    wanted[1, 0], wanted[2, 0], wanted[2, 1] = bounded_log_scale(torch.tensor([0.5, -0.4, 90.0]))
    torch.testing.assert_close(q.below[0], wanted)
    assert "lower" not in family.state_dict()


def test_it_is_the_multivariate_normal_of_its_factor() -> None:
    family = FullGaussian(latent_dim=3)
    q, z = family(torch.randn(4, 9)), torch.randn(5, 4, 3)
    factor = q.log_sigma.exp().unsqueeze(-1) * (torch.eye(3) + q.below)
    peer = MultivariateNormal(q.mu, scale_tril=factor)
    torch.testing.assert_close(q.log_prob(z), peer.log_prob(z))
    noise = torch.randn(5, 4, 3)
    torch.testing.assert_close(q.transport(noise)[0], q.mu + torch.einsum("bij,kbj->kbi", factor, noise))
    prior = make(node("model/prior/standard_normal"), {"latent_dim": 3})
    torch.testing.assert_close(q.kl(prior), kl_divergence(peer, MultivariateNormal(torch.zeros(3), torch.eye(3))))


def test_without_entries_below_it_is_the_diagonal_gaussian() -> None:
    phi, z = torch.randn(4, 6), torch.randn(5, 4, 3)
    one, other = FullGaussian(latent_dim=3)(torch.cat((phi, torch.zeros(4, 3)), 1)), Gaussian(latent_dim=3)(phi)
    torch.testing.assert_close(one.log_prob(z), other.log_prob(z))
    assert FullGaussian(latent_dim=1).num_parameters == 2

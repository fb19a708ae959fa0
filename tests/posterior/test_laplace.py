"""q(z; φ) = Π_d Laplace(z_d; μ_d, b_d)."""

import pytest
import torch
from torch.distributions import Laplace as Peer

from tests.problems import node
from vaerun.experiment.make import make
from vaerun.nn.bounded_scale import bounded_log_scale
from vaerun.posterior.laplace import DiagonalLaplace, Laplace

pytestmark = pytest.mark.usefixtures("exact")


def test_phi_is_the_mean_and_a_bounded_log_scale() -> None:
    family: Laplace = make(node("posterior/laplace"), {"latent_dim": 2})
    assert family.num_parameters == 4
    q = family(torch.tensor([[0.5, -2.0, 0.3, -90.0]]))
    assert q.mean().tolist() == [[0.5, -2.0]]
    torch.testing.assert_close(q.log_b[0], bounded_log_scale(torch.tensor([0.3, -90.0])))


def test_density_is_that_of_independent_laplaces() -> None:
    mu, log_b, z = torch.randn(3, 2), 0.5 * torch.randn(3, 2), torch.randn(4, 3, 2)
    torch.testing.assert_close(DiagonalLaplace(mu, log_b).log_prob(z), Peer(mu, log_b.exp()).log_prob(z).sum(-1))


def test_it_starts_at_its_nearest_to_the_standard_normal() -> None:
    family = Laplace(latent_dim=2)
    prior = make(node("model/prior/standard_normal"), {"latent_dim": 2})
    phi = family.initial().unsqueeze(0).requires_grad_()
    kl = family(phi).kl(prior)
    (gradient,) = torch.autograd.grad(kl, phi)
    torch.testing.assert_close(gradient, torch.zeros_like(gradient), rtol=0, atol=1e-12)
    assert kl.item() == pytest.approx(2 * 0.0724, abs=1e-4)


def test_noise_has_the_cumulative_distribution_of_a_laplace() -> None:
    q = DiagonalLaplace(torch.zeros(1, 1), torch.zeros(1, 1))
    noise, n = q.noise(100_000), 100_000
    for at in (-3.0, -1.0, 0.0, 0.5, 2.0):
        p = Peer(0.0, 1.0).cdf(torch.tensor(at))
        assert abs((noise < at).double().mean() - p) < 5 * (p * (1 - p) / n).sqrt()

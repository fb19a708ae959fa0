"""p_θ(z) = Σ_m π_m N(z; μ_m, diag σ_m²)."""

import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from tests.problems import node
from vaerun.errors import UserError
from vaerun.experiment.make import make
from vaerun.model.prior.mixture_of_gaussians import MixtureOfGaussians

pytestmark = pytest.mark.usefixtures("exact")


def mixture(num_components: int, latent_dim: int = 2) -> MixtureOfGaussians:
    return make(node("model/prior/mixture_of_gaussians", num_components=num_components), {"latent_dim": latent_dim})


def test_it_is_a_mixture_of_normals() -> None:
    prior = mixture(3)
    with torch.no_grad():
        for weight in prior.parameters():
            weight.copy_(torch.randn_like(weight))
    sigma = (7 * (prior.raw_log_sigma / 7).tanh()).exp()
    peer = MixtureSameFamily(Categorical(logits=prior.logits), Independent(Normal(prior.mu, sigma), 1))
    z = 3 * torch.randn(4, 5, 2)
    torch.testing.assert_close(prior.log_prob(z), peer.log_prob(z))


def test_it_starts_near_the_standard_normal() -> None:
    z = mixture(500, 4).sample(20_000)
    assert z.mean(0).abs().max() < 0.15
    assert (z.var(0) - 1).abs().max() < 0.15


def test_far_from_every_component_it_stays_finite() -> None:
    torch.set_default_dtype(torch.float32)
    z = torch.full((1, 1, 2), 1e4, requires_grad=True)
    log_p = mixture(3).log_prob(z)
    (gradient,) = torch.autograd.grad(log_p.sum(), z)
    assert log_p.isfinite().all()
    assert gradient.isfinite().all()


def test_a_mixture_of_nothing_is_refused() -> None:
    with pytest.raises(UserError, match=r"model\.prior\.num_components must be at least 1, got 0"):
        mixture(0)

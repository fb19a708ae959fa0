"""q(z; φ) = Σ_m π_m N(z; μ_m, diag σ_m²)."""

import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from tests.problems import node
from vaerun.errors import UserError
from vaerun.experiment.make import make
from vaerun.posterior.mixture import Mixture

pytestmark = pytest.mark.usefixtures("exact")


def test_it_is_the_mixture_of_its_normals() -> None:
    family: Mixture = make(node("posterior/mixture", components=3), {"latent_dim": 2})
    assert family.num_parameters == 15
    q, z = family(torch.randn(4, 15)), torch.randn(5, 4, 2)
    normals = Independent(Normal(q.mu, q.log_sigma.exp()), 1)
    peer = MixtureSameFamily(Categorical(logits=q.logits), normals)
    torch.testing.assert_close(q.log_prob(z), peer.log_prob(z))
    torch.testing.assert_close(q.mean(), peer.mean)


def test_strata_and_weights_add_up_to_it() -> None:
    family = Mixture(latent_dim=2, components=3)
    q, z = family(torch.randn(4, 15)), torch.randn(5, 4, 2)
    assert q.weights().shape == (3, 4)
    torch.testing.assert_close(q.weights().sum(0), torch.ones(4))
    summed = sum(w * stratum.log_prob(z).exp() for w, stratum in zip(q.weights(), q.strata(), strict=True))
    torch.testing.assert_close(q.log_prob(z).exp(), summed)


def test_each_component_is_drawn_as_often_as_it_weighs() -> None:
    family, k = Mixture(latent_dim=1, components=3), 50_000
    places = torch.tensor([-100.0, 0.0, 100.0])
    q = family(torch.cat((torch.tensor([0.3, -1.0, 0.8]), places, torch.zeros(3))).unsqueeze(0))
    z = q.sample(k)[:, 0]
    frequency = ((z - places).abs() < 50).double().mean(0)
    p = q.weights()[:, 0]
    assert ((frequency - p).abs() < 5 * (p * (1 - p) / k).sqrt()).all()
    sure = family(torch.cat((torch.tensor([-1e4, 1e4, -1e4]), places, torch.zeros(3))).unsqueeze(0))
    assert (sure.sample(100).abs() < 50).all()


def test_its_components_start_apart() -> None:
    family = Mixture(latent_dim=3, components=4)
    q = family(family.initial().unsqueeze(0))
    torch.testing.assert_close(q.mean(), torch.zeros(1, 3))
    distance = torch.cdist(q.mu[0], q.mu[0]) + torch.eye(4)
    assert distance.min() > 0.01


def test_no_component_is_refused() -> None:
    with pytest.raises(UserError, match=r"posterior\.components must be at least 1, got 0"):
        Mixture(latent_dim=3, components=0)

"""p_θ(x, z): what every model does with its prior and its likelihood."""

from typing import Any

import pytest
import torch

from tests.problems import bernoulli_space, node, options
from vaerun.build import make
from vaerun.model.base import Model

pytestmark = pytest.mark.usefixtures("exact")

MEAN = torch.tensor([0.2, 0.5, 0.7])


def model_of(name: str) -> Model:
    facts: dict[str, Any] = {"latent_dim": 2, "data_dim": 3, "data_mean": MEAN.double(), "data_std": 0.6}
    return make(node(f"model/{name}", latent_dim=2), facts)


@pytest.mark.parametrize("name", options("model"))
def test_the_joint_is_likelihood_and_prior(name: str) -> None:
    model = model_of(name)
    x, z = bernoulli_space(3), torch.randn(4, 8, 2)
    torch.testing.assert_close(model.log_joint(x, z), model.log_likelihood(x, z) + model.prior.log_prob(z))
    assert model.log_joint(x, z).shape == (4, 8)
    torch.testing.assert_close(model.log_joint(x[[5]], z[:, [5]])[:, 0], model.log_joint(x, z)[:, 5])


@pytest.mark.parametrize("name", options("model"))
def test_what_it_samples_is_what_it_observes_at_the_priors_z(name: str) -> None:
    model = model_of(name)
    torch.manual_seed(3)
    x = model.sample(7)
    torch.manual_seed(3)
    z = model.prior.sample(7)
    assert torch.equal(x, model.observe(z))
    assert x.shape == (7, 3)
    assert not x.requires_grad
    assert model.mean(z).shape == (7, 3)


@pytest.mark.parametrize("name", options("model"))
def test_it_observes_around_its_mean(name: str) -> None:
    model, n = model_of(name), 20_000
    z = torch.randn(1, 2)
    x = model.observe(z.expand(n, 2))
    error = x.std(0) / n**0.5
    assert ((x.mean(0) - model.mean(z)[0].detach()).abs() < 5 * error).all()


@pytest.mark.parametrize("name", options("model"))
def test_it_starts_around_the_datas_mean(name: str) -> None:
    model = model_of(name)
    at_start = model.mean(model.prior.sample(500)).detach().mean(0)
    assert (at_start - MEAN).abs().max() < 0.1

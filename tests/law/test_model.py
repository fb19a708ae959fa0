"""p_θ(x, z): what every model does with its prior and its likelihood."""

from typing import Any

import pytest
import torch

from tests.problems import bernoulli_space, node, options, space
from vaerun.experiment.make import make
from vaerun.model.base import Model

pytestmark = pytest.mark.usefixtures("exact")

MODELS = options("model")
MEAN = torch.tensor([0.2, 0.5, 0.7])


def model_of(name: str, layers: tuple[int, ...] = (2, 1)) -> Model:
    facts: dict[str, Any] = {"latent_dim": 2, "data_dim": 3, "data_mean": MEAN.double(), "data_std": 0.6}
    size: dict[str, Any] = {"latent_dim": 2} if "latent_dim" in node(f"model/{name}") else {"layers": list(layers)}
    return make(node(f"model/{name}", **size), facts)


@pytest.mark.parametrize("name", MODELS)
def test_the_joint_is_likelihood_and_prior(name: str) -> None:
    model = model_of(name)
    x, z = bernoulli_space(3), model.prior.sample(32).reshape(4, 8, -1)
    torch.testing.assert_close(model.log_joint(x, z), model.log_likelihood(x, z) + model.prior.log_prob(z))
    assert model.log_joint(x, z).shape == (4, 8)
    torch.testing.assert_close(model.log_joint(x[[5]], z[:, [5]])[:, 0], model.log_joint(x, z)[:, 5])


@pytest.mark.parametrize("name", [name for name in MODELS if "likelihood" in node(f"model/{name}")])
def test_the_joint_sums_to_one(name: str) -> None:
    """Over all x in {0, 1}^X and all z, with weights as they are drawn."""
    model = model_of(name, layers=(1, 1))
    over = space(model.prior.support, model.latent_dim, width=9.0, cell=0.2)
    joint = model.log_joint(bernoulli_space(3), over.z.expand(-1, 8, -1)).exp() * over.volume
    assert float(joint.sum().detach()) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("name", MODELS)
def test_the_gradient_of_the_likelihood_is_its_derivative_in_z(name: str) -> None:
    model = model_of(name)
    x, z = bernoulli_space(3), model.prior.sample(32).reshape(4, 8, -1).requires_grad_()
    (expected,) = torch.autograd.grad(model.log_likelihood(x, z).sum(), z)
    found = model.likelihood_gradient(x, z)
    torch.testing.assert_close(found, expected)
    assert float(found.abs().max()) > 0
    assert not found.requires_grad


@pytest.mark.parametrize("name", MODELS)
def test_it_declares_the_z_that_its_prior_is_over(name: str) -> None:
    model = model_of(name)
    assert getattr(type(model), "support", model.prior.support) == model.prior.support
    assert model.prior.sample(3).shape == (3, model.latent_dim)


@pytest.mark.parametrize("name", MODELS)
def test_the_joint_moves_with_all_of_theta(name: str) -> None:
    model = model_of(name)
    weights = dict(model.named_parameters())
    joint = model.log_joint(bernoulli_space(3), model.prior.sample(40).reshape(5, 8, -1)).square().sum()
    gradients = torch.autograd.grad(joint, list(weights.values()))
    assert not [n for n, gradient in zip(weights, gradients, strict=True) if not gradient.abs().sum() > 0]


@pytest.mark.parametrize("name", MODELS)
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


@pytest.mark.parametrize("name", MODELS)
def test_it_observes_around_its_mean(name: str) -> None:
    model, n = model_of(name), 20_000
    z = torch.randn(1, model.latent_dim)
    x = model.observe(z.expand(n, -1))
    error = x.std(0) / n**0.5
    assert ((x.mean(0) - model.mean(z)[0].detach()).abs() < 5 * error).all()


@pytest.mark.parametrize("name", MODELS)
def test_it_starts_around_the_datas_mean(name: str) -> None:
    model = model_of(name)
    at_start = model.mean(model.prior.sample(500)).detach().mean(0)
    assert (at_start - MEAN).abs().max() < 0.1

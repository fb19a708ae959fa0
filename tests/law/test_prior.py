"""p_θ(z): every prior is a distribution, and its samples are its own."""

from typing import Any

import pytest
import torch
from torch import Tensor

from tests.problems import node, options, space
from vaerun.experiment.make import make
from vaerun.model.prior.base import ConditionalPrior, PriorDensity
from vaerun.posterior.base import Posterior
from vaerun.posterior.gaussian import Gaussian

pytestmark = pytest.mark.usefixtures("exact")

D, X, C = 2, 3, 2


def guide(x: Tensor) -> Posterior:
    """An encoder, for a prior that is made of one."""
    return Gaussian(latent_dim=D)(x @ torch.linspace(-0.2, 0.2, x.shape[1] * 2 * D).reshape(-1, 2 * D))


def drawn(name: str) -> ConditionalPrior:
    facts: dict[str, Any] = {
        "latent_dim": D,
        "data_dim": X,
        "data_mean": torch.linspace(0.3, 0.6, X),
        "data_std": 0.6,
        "given_dim": C,
        "guide": guide,
    }
    prior: ConditionalPrior = make(node(f"model/prior/{name}"), facts)
    with torch.no_grad():
        for weight in prior.parameters():
            weight.add_(0.4 * torch.randn_like(weight))
    return prior


def condition(n: int) -> Tensor:
    """n times the same c."""
    return torch.tensor([[0.0, 1.0]]).expand(n, -1)


def at(prior: ConditionalPrior, n: int = 1) -> PriorDensity:
    """p(z given c) at n times the same c."""
    return prior.given(condition(n))


def samples(prior: ConditionalPrior, n: int) -> Tensor:
    """n draws of p(z given c), Float[Tensor, "n D"]."""
    return at(prior, n).sample(n)


@pytest.mark.parametrize("name", options("model/prior"))
def test_its_density_sums_to_one(name: str) -> None:
    prior = drawn(name)
    over = space(prior.support, D, width=12.0, cell=0.2)
    assert float((at(prior).log_prob(over.z).exp() * over.volume).sum().detach()) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("name", options("model/prior"))
def test_its_samples_have_the_moments_of_its_density(name: str) -> None:
    prior, n = drawn(name), 20_000
    over = space(prior.support, D, width=12.0, cell=0.2)
    z = samples(prior, n)
    assert z.shape == (n, D)
    assert not z.requires_grad
    p = (at(prior).log_prob(over.z).exp() * over.volume).detach()  # [S, 1]
    for power in (1, 2):  # second moments across the two coordinates, too
        for f, exact_f in ((z**power, over.z**power), (z * z.flip(-1), over.z * over.z.flip(-1))):
            mean, square = (p * exact_f[:, 0]).sum(0), (p * exact_f[:, 0].square()).sum(0)
            assert (f.mean(0) - mean).abs().le(5 * ((square - mean.square()) / n).sqrt()).all()


@pytest.mark.parametrize("name", options("model/prior"))
def test_it_broadcasts_over_samples(name: str) -> None:
    prior = drawn(name)
    z = samples(prior, 6).reshape(2, 3, D)
    torch.testing.assert_close(at(prior).log_prob(z).flatten(), at(prior).log_prob(z.reshape(6, D)))


@pytest.mark.parametrize("name", options("model/prior"))
def test_all_its_weights_count(name: str) -> None:
    prior = drawn(name)
    weights = list(prior.parameters())
    gradients = torch.autograd.grad(at(prior).log_prob(samples(prior, 50)).sum(), weights) if weights else ()
    assert all(gradient.abs().sum() > 0 for gradient in gradients)

"""p_θ(z): every prior is a distribution, and its samples are its own."""

import pytest
import torch

from tests.problems import node, options, space
from vaerun.build import make
from vaerun.model.prior.base import Prior

pytestmark = pytest.mark.usefixtures("exact")

D = 2


def drawn(name: str) -> Prior:
    prior: Prior = make(node(f"model/prior/{name}"), {"latent_dim": D})
    with torch.no_grad():
        for weight in prior.parameters():
            weight.copy_(torch.randn_like(weight))
    return prior


@pytest.mark.parametrize("name", options("model/prior"))
def test_its_density_sums_to_one(name: str) -> None:
    prior = drawn(name)
    over = space(prior.support, D, width=9.0, cell=0.2)
    assert float((prior.log_prob(over.z).exp() * over.volume).sum().detach()) == pytest.approx(1, abs=1e-10)


@pytest.mark.parametrize("name", options("model/prior"))
def test_its_samples_have_the_moments_of_its_density(name: str) -> None:
    prior, n = drawn(name), 20_000
    over = space(prior.support, D, width=9.0, cell=0.2)
    z = prior.sample(n)
    assert z.shape == (n, D)
    assert not z.requires_grad
    p = (prior.log_prob(over.z).exp() * over.volume).detach()  # [S, 1]
    for power in (1, 2):
        mean, square = (p * over.z[:, 0] ** power).sum(0), (p * over.z[:, 0] ** (2 * power)).sum(0)
        assert ((z**power).mean(0) - mean).abs().lt(5 * ((square - mean.square()) / n).sqrt()).all()


@pytest.mark.parametrize("name", options("model/prior"))
def test_it_broadcasts_over_samples(name: str) -> None:
    prior = drawn(name)
    z = prior.sample(6).reshape(2, 3, D)
    assert torch.equal(prior.log_prob(z).flatten(), prior.log_prob(z.reshape(6, D)))

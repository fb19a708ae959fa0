"""q(z; φ): every family is a distribution whose samples, density, KL and derivatives agree with one another."""

from typing import Any

import pytest
import torch
from torch import Tensor

from tests.problems import class_of, node, options, prior_over, space
from vaerun.build import make
from vaerun.model.prior.base import Prior
from vaerun.posterior.base import ClosedFormKL, ClosedFormMean, Enumerable, Family, Reparameterized

pytestmark = pytest.mark.usefixtures("exact")

POSTERIORS = options("posterior")
D = 2
CELL = 0.1


def capable(capability: type) -> list[str]:
    return [name for name in POSTERIORS if issubclass(class_of(f"posterior/{name}").posterior, capability)]


def family_of(name: str) -> Family:
    return make(node(f"posterior/{name}"), {"latent_dim": D})


def some_phi(family: Family, rows: int = 3) -> Tensor:
    return 2 * torch.rand(rows, family.num_parameters) - 1


def draw_weights(prior: Prior) -> Prior:
    with torch.no_grad():
        for weight in prior.parameters():
            weight.copy_(torch.randn_like(weight))
    return prior


def pairs() -> list[tuple[str, str]]:
    """Every family with every prior that it has a closed-form KL with."""
    return [
        (name, prior)
        for name in capable(ClosedFormKL)
        for prior in options("model/prior")
        if issubclass(class_of(f"model/prior/{prior}"), class_of(f"posterior/{name}").posterior.closed_form_with)
    ]


def test_there_are_families() -> None:
    assert {"gaussian", "bernoulli"} <= set(POSTERIORS)
    assert ("gaussian", "standard_normal") in pairs()
    assert ("bernoulli", "bernoulli") in pairs()


@pytest.mark.parametrize("name", POSTERIORS)
def test_its_density_sums_to_one_and_its_mean_is_its_mean(name: str) -> None:
    family = family_of(name)
    phi = some_phi(family)
    q, over = family(phi), space(family.support, D, cell=CELL)
    probability = q.log_prob(over.z.expand(-1, len(phi), -1)).exp() * over.volume
    torch.testing.assert_close(probability.sum(0), torch.ones(3), rtol=0, atol=1e-10)
    if isinstance(q, ClosedFormMean):
        torch.testing.assert_close((probability.unsqueeze(-1) * over.z).sum(0), q.mean(), rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", POSTERIORS)
def test_its_samples_have_the_moments_of_its_density(name: str) -> None:
    family = family_of(name)
    phi, k = some_phi(family).requires_grad_(), 20_000
    q, over = family(phi), space(family.support, D, cell=CELL)
    z = q.sample(k)
    assert z.shape == (k, 3, D)
    assert not z.requires_grad
    probability = (q.log_prob(over.z.expand(-1, 3, -1)).exp() * over.volume).unsqueeze(-1).detach()
    for power in (1, 2):  # second moments across the two coordinates, too
        for f, exact_f in ((z**power, over.z**power), (z * z.flip(-1), over.z * over.z.flip(-1))):
            mean, square = (probability * exact_f).sum(0), (probability * exact_f.square()).sum(0)
            error = ((square - mean.square()) / k).sqrt()
            assert ((f.mean(0) - mean).abs() < 5 * error).all()


@pytest.mark.parametrize("name", POSTERIORS)
def test_a_point_does_not_notice_who_shares_its_batch(name: str) -> None:
    family = family_of(name)
    phi, z = some_phi(family), space(family.support, D, cell=8.0).z
    together = family(phi).log_prob(z.expand(-1, 3, -1))
    for i in range(3):
        torch.testing.assert_close(together[:, [i]], family(phi[[i]]).log_prob(z))


@pytest.mark.parametrize("name", capable(Reparameterized))
def test_transport_gives_samples_and_their_own_density(name: str) -> None:
    family = family_of(name)
    phi = some_phi(family).requires_grad_()
    q = family(phi)
    z, log_q = q.transport(q.noise(4))
    torch.testing.assert_close(log_q, q.log_prob(z))
    # The two ways must also agree in how they move with φ.
    for direction in (torch.ones_like(log_q), torch.randn_like(log_q)):
        (one,) = torch.autograd.grad(log_q, phi, direction, retain_graph=True)
        (other,) = torch.autograd.grad(q.log_prob(z), phi, direction, retain_graph=True)
        torch.testing.assert_close(one, other)
    torch.manual_seed(1)
    sampled = q.sample(4)
    torch.manual_seed(1)
    torch.testing.assert_close(sampled, q.transport(q.noise(4))[0])


@pytest.mark.parametrize("name", capable(Enumerable))
def test_its_support_is_listed_once_and_whole(name: str) -> None:
    family = family_of(name)
    q = family(some_phi(family))
    support = q.support()
    assert support.shape[1:] == (3, D)
    assert len({tuple(z.tolist()) for z in support[:, 0]}) == len(support)
    torch.testing.assert_close(q.log_prob(support).exp().sum(0), torch.ones(3))


@pytest.mark.parametrize(("name", "prior_name"), pairs())
def test_the_closed_form_kl_is_the_kl(name: str, prior_name: str) -> None:
    family = family_of(name)
    prior = draw_weights(make(node(f"model/prior/{prior_name}"), {"latent_dim": D}))
    phi = some_phi(family).requires_grad_()
    q, over = family(phi), space(family.support, D, cell=CELL)
    log_q = q.log_prob(over.z.expand(-1, 3, -1))
    summed = (log_q.exp() * over.volume * (log_q - prior.log_prob(over.z))).sum(0)
    torch.testing.assert_close(q.kl(prior), summed, rtol=0, atol=1e-10)
    leaves: list[Any] = [phi, *prior.parameters()]
    closed = torch.autograd.grad(q.kl(prior).sum(), leaves, retain_graph=True)
    for one, other in zip(closed, torch.autograd.grad(summed.sum(), leaves), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", POSTERIORS)
def test_it_starts_near_the_prior(name: str) -> None:
    family = family_of(name)
    prior = make(node(f"model/prior/{prior_over(family.support)}"), {"latent_dim": D})
    assert family.initial().shape == (family.num_parameters,)
    over = space(family.support, D, cell=CELL)
    log_q = family(family.initial().unsqueeze(0)).log_prob(over.z)
    kl = (log_q.exp() * over.volume * (log_q - prior.log_prob(over.z))).sum()
    assert float(kl.detach()) == pytest.approx(0, abs=0.02 * D)


@pytest.mark.parametrize("size", [30.0, 1e4])
@pytest.mark.parametrize("name", POSTERIORS)
def test_no_phi_makes_it_overflow(name: str, size: float) -> None:
    torch.set_default_dtype(torch.float32)
    family = family_of(name)
    prior = make(node(f"model/prior/{prior_over(family.support)}"), {"latent_dim": D})
    place = torch.arange(family.num_parameters)
    alternating, halves = (-1.0) ** place, torch.where(2 * place < len(place), 1.0, -1.0)
    signs = torch.stack((torch.ones(len(place)), -torch.ones(len(place)), alternating, halves, -halves))
    phi = (size * signs).requires_grad_()
    q = family(phi)
    log_q = {"log_prob": q.log_prob(q.sample(3))}
    if isinstance(q, Reparameterized):
        log_q["transport"] = q.transport(q.noise(3))[1]
    if isinstance(q, ClosedFormKL):
        log_q["kl"] = q.kl(prior)
    for what, values in log_q.items():
        assert values.isfinite().all(), what
        (gradient,) = torch.autograd.grad(values.sum(), phi, retain_graph=True)
        assert gradient.isfinite().all(), what

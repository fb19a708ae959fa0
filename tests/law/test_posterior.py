"""q(z; φ): every family is a distribution whose samples, density, KL and derivatives agree with one another."""

from typing import Any

import pytest
import torch
from torch import Tensor

from tests.problems import Space, class_of, node, options, prior_over, space, space_of
from vaerun.experiment.make import make
from vaerun.model.prior.base import Prior
from vaerun.posterior.base import (
    ClosedFormKL,
    ClosedFormMean,
    ClosedFormStd,
    Enumerable,
    Family,
    KnownScore,
    Posterior,
    Relaxable,
    Reparameterized,
)

pytestmark = pytest.mark.usefixtures("exact")

POSTERIORS = options("posterior")
D = 2
DIMENSIONS = {"categorical": 4}  # two variables of two classes
WIDTH = {"iaf": 16.0, "spline": 16.0}  # of the grid: 24 where points are cheap
ROUNDING = 1e-10
INEXACT = {
    "autoregressive_gaussian": 1e-5,  # tanh has poles near the real axis
    "planar": 1e-5,
    "spline": 2e-3,  # piecewise rational: the trapezoidal rule errs by O(cell²) where a first derivative jumps
    "iaf": 2e-3,  # its networks bend at the kinks of their ReLUs
}
NEAREST = {"laplace": 0.0724 * D}  # min KL(q ‖ N(0, I)) over the family, where it is not zero


def capable(capability: type) -> list[str]:
    return [name for name in POSTERIORS if issubclass(class_of(f"posterior/{name}").posterior, capability)]


def new_family(name: str) -> Family:
    support = class_of(f"posterior/{name}").support
    return make(node(f"posterior/{name}"), {"latent_dim": DIMENSIONS.get(support, D)})


def family_of(name: str) -> Family:
    """The family with weights, where it has any, that were moved away from where they start."""
    family = new_family(name)
    with torch.no_grad():
        for weight in family.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    return family


def prior_of(name: str, family: Family) -> Prior:
    return make(node(f"model/prior/{name}"), {"latent_dim": family.latent_dim})


def some_phi(family: Family, rows: int = 3) -> Tensor:
    return 2 * torch.rand(rows, family.num_parameters) - 1


def points_of(q: Posterior, name: str) -> Space:
    """Where sums under q are exact, the same z for every row unless q has kinks of its own."""
    over = space_of(q, class_of(f"posterior/{name}").support, width=WIDTH.get(name, 24.0), cell=0.2)
    return Space(over.z.expand(-1, 3, -1), over.volume)


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
@torch.no_grad()
def test_its_density_sums_to_one_and_its_mean_is_its_mean(name: str) -> None:
    family = family_of(name)
    q = family(some_phi(family))
    over = points_of(q, name)
    probability = q.log_prob(over.z).exp() * over.volume
    within = {"rtol": 0.0, "atol": INEXACT.get(name, ROUNDING)}
    torch.testing.assert_close(probability.sum(0), torch.ones(3), **within)
    if isinstance(q, ClosedFormMean):
        torch.testing.assert_close((probability.unsqueeze(-1) * over.z).sum(0), q.mean(), **within)
    if isinstance(q, ClosedFormStd):
        square = (probability.unsqueeze(-1) * (over.z - q.mean()).square()).sum(0)
        torch.testing.assert_close(square.sqrt(), q.std(), **within)


@pytest.mark.parametrize("name", POSTERIORS)
def test_its_samples_have_the_moments_of_its_density(name: str) -> None:
    family = family_of(name)
    phi, k = some_phi(family).requires_grad_(), 20_000
    q = family(phi)
    z = q.sample(k)
    assert z.shape == (k, 3, family.latent_dim)
    assert not z.requires_grad
    over = points_of(q, name)
    with torch.no_grad():
        probability = (q.log_prob(over.z).exp() * over.volume).unsqueeze(-1)
    for power in (1, 2):  # second moments across the two coordinates, too
        for f, exact_f in ((z**power, over.z**power), (z * z.flip(-1), over.z * over.z.flip(-1))):
            mean, square = (probability * exact_f).sum(0), (probability * exact_f.square()).sum(0)
            error = ((square - mean.square()).clamp_min(1e-12) / k).sqrt()
            assert ((f.mean(0) - mean).abs() < 5 * error + INEXACT.get(name, 0.0)).all()


@pytest.mark.parametrize("name", POSTERIORS)
def test_a_point_does_not_notice_who_shares_its_batch(name: str) -> None:
    family = family_of(name)
    phi, z = some_phi(family), space(family.support, family.latent_dim, cell=8.0).z
    together = family(phi).log_prob(z.expand(-1, 3, -1))
    for i in range(3):
        torch.testing.assert_close(together[:, [i]], family(phi[[i]]).log_prob(z))
    if issubclass(family.posterior, Reparameterized):
        noise = family(phi).noise(2)
        moved = family(phi).transport(noise)
        for i in range(3):
            for all_rows, row in zip(moved, family(phi[[i]]).transport(noise[:, [i]]), strict=True):
                torch.testing.assert_close(all_rows[:, [i]], row)


@pytest.mark.parametrize("name", POSTERIORS)
def test_all_that_describes_it_moves_its_density(name: str) -> None:
    """Every number of φ, and every shared weight that is not masked out."""
    family = family_of(name)
    phi = some_phi(family).requires_grad_()
    q = family(phi)
    leaves = [phi, *family.parameters()]
    ways = [q.log_prob(q.sample(50))]
    if isinstance(q, Reparameterized):
        z, log_q = q.transport(q.noise(50))
        ways.append((z**2).sum(-1) + z.sum(-1) + log_q)
    for way in ways:
        gradients = torch.autograd.grad(way.square().sum(), leaves, retain_graph=True)
        assert (gradients[0] != 0).all()
        for gradient in gradients:
            assert gradient.isfinite().all()
            assert gradient.any()


@pytest.mark.parametrize("name", capable(KnownScore))
def test_the_known_score_is_the_gradient_of_the_density(name: str) -> None:
    """Differentiated in the tensors that q is made of, which φ gives it."""
    family = family_of(name)
    made_of = {
        key: t.clone().requires_grad_() for key, t in vars(family(some_phi(family))).items() if torch.is_tensor(t)
    }
    q = family(some_phi(family))
    vars(q).update(made_of)
    z = q.sample(5)
    known = q.squared_score(z)
    for k in range(5):
        gradients = torch.autograd.grad(q.log_prob(z)[k].sum(), list(made_of.values()))
        torch.testing.assert_close(known[k], sum(g.square().flatten(1).sum(1) for g in gradients))
    assert not known.requires_grad


@pytest.mark.parametrize("name", capable(Reparameterized))
def test_transport_gives_samples_and_their_own_density(name: str) -> None:
    family = family_of(name)
    phi = some_phi(family).requires_grad_()
    q = family(phi)
    z, log_q = q.transport(q.noise(4))
    torch.testing.assert_close(log_q, q.log_prob(z))
    # The two ways must also agree in how they move with φ and with the shared weights.
    leaves = [phi, *family.parameters()]
    for direction in (torch.ones_like(log_q), torch.randn_like(log_q)):
        ones = torch.autograd.grad(log_q, leaves, direction, retain_graph=True)
        others = torch.autograd.grad(q.log_prob(z), leaves, direction, retain_graph=True)
        for one, other in zip(ones, others, strict=True):
            torch.testing.assert_close(one, other)
    torch.manual_seed(1)
    sampled = q.sample(4)
    torch.manual_seed(1)
    torch.testing.assert_close(sampled, q.transport(q.noise(4))[0])


@pytest.mark.parametrize("name", capable(Reparameterized))
def test_frozen_it_is_the_same_q_and_moves_with_z_alone(name: str) -> None:
    family = family_of(name)
    phi = some_phi(family).requires_grad_()
    q = family(phi)
    frozen, z = q.frozen(), q.sample(4).requires_grad_()
    assert type(frozen) is type(q)
    log_q = q.log_prob(z)
    torch.testing.assert_close(frozen.log_prob(z), log_q)
    assert not frozen.log_prob(z.detach()).requires_grad
    assert not frozen.transport(frozen.noise(2))[1].requires_grad
    (wanted,) = torch.autograd.grad(log_q.sum(), z, retain_graph=True)
    (found,) = torch.autograd.grad(frozen.log_prob(z).sum(), z)
    torch.testing.assert_close(found, wanted)
    # The derivative along z by differences: the wanted one must itself be right.
    step = 1e-6 * torch.randn_like(z)
    difference = (q.log_prob(z + step) - q.log_prob(z - step)).detach() / 2
    torch.testing.assert_close((wanted * step).sum(-1), difference, rtol=1e-4, atol=1e-12)


@pytest.mark.parametrize("name", capable(Relaxable))
def test_hardened_noise_is_distributed_as_q_and_conditioned_noise_hardens_to_its_z(name: str) -> None:
    family = family_of(name)
    phi, k = some_phi(family).requires_grad_(), 20_000
    q = family(phi)
    assert isinstance(q, Relaxable)
    g = q.perturb(q.noise(k))
    z = q.harden(g)
    assert not z.requires_grad
    values = space(family.support, family.latent_dim).z
    p = q.log_prob(values.expand(-1, 3, -1)).exp().detach()
    frequency = (z.unsqueeze(0) == values.unsqueeze(1)).all(-1).double().mean(1)
    assert ((frequency - p).abs() < 5 * (p * (1 - p) / k).sqrt()).all()
    conditioned = q.condition(z, q.noise(k))
    assert torch.equal(q.harden(conditioned), z)
    for one in (g, conditioned):
        torch.testing.assert_close(q.soften(one[:200], 1e-6), z[:200], rtol=0, atol=0.2)
        (gradient,) = torch.autograd.grad(q.soften(one, 0.5).square().sum(), phi, retain_graph=True)
        assert (gradient != 0).all()
    # z ~ q and then g given z is g: the same moments, coordinate by coordinate.
    for power in (1, 2):
        one, other = (g**power).detach(), (conditioned**power).detach()
        error = ((one.var(0) + other.var(0)) / k).sqrt()
        assert ((one.mean(0) - other.mean(0)).abs() < 5 * error).all()


@pytest.mark.parametrize("name", capable(Relaxable))
def test_the_conditional_noise_of_g_gives_g_again_and_is_noise_independent_of_z(name: str) -> None:
    """The moments of the noise, and its covariance with every coordinate of z."""
    family = family_of(name)
    q, k = family(some_phi(family).requires_grad_()), 20_000
    assert isinstance(q, Relaxable)
    g = q.perturb(q.noise(k))
    z = q.harden(g)
    noise = q.conditional_noise(z, g)
    assert not noise.requires_grad
    torch.testing.assert_close(q.condition(z, noise), g)
    fresh = q.noise(k)
    for power in (1, 2):
        one, other = noise**power, fresh**power
        error = ((one.var(0) + other.var(0)) / k).sqrt()
        assert ((one.mean(0) - other.mean(0)).abs() < 5 * error).all()
        products = (one - one.mean(0)).unsqueeze(-1) * (z - z.mean(0)).unsqueeze(-2)
        assert (products.mean(0).abs() < 5 * products.std(0) / k**0.5 + 1e-12).all()


@pytest.mark.parametrize("name", capable(Enumerable))
def test_its_support_is_listed_once_and_whole(name: str) -> None:
    family = family_of(name)
    q = family(some_phi(family))
    support = q.support()
    assert support.shape[1:] == (3, family.latent_dim)
    assert len({tuple(z.tolist()) for z in support[:, 0]}) == len(support)
    assert len(support) == len(space(family.support, family.latent_dim).z)
    torch.testing.assert_close(q.log_prob(support).exp().sum(0), torch.ones(3))


@pytest.mark.parametrize(("name", "prior_name"), pairs())
def test_the_closed_form_kl_is_the_kl(name: str, prior_name: str) -> None:
    family = family_of(name)
    prior = draw_weights(prior_of(prior_name, family))
    phi = some_phi(family).requires_grad_()
    q = family(phi)
    over = points_of(q, name)
    log_q = q.log_prob(over.z)
    summed = (log_q.exp() * over.volume * (log_q - prior.log_prob(over.z))).sum(0)
    torch.testing.assert_close(q.kl(prior), summed, rtol=0, atol=1e-10)
    leaves: list[Any] = [phi, *prior.parameters()]
    closed = torch.autograd.grad(q.kl(prior).sum(), leaves, retain_graph=True)
    for one, other in zip(closed, torch.autograd.grad(summed.sum(), leaves), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", POSTERIORS)
@torch.no_grad()
def test_it_starts_near_the_prior(name: str) -> None:
    family = new_family(name)
    prior = prior_of(prior_over(family.support), family)
    assert family.initial().shape == (family.num_parameters,)
    q = family(family.initial().unsqueeze(0))
    over = space_of(q, family.support, width=10.0, cell=0.2)
    log_q = q.log_prob(over.z)
    kl = (log_q.exp() * over.volume * (log_q - prior.log_prob(over.z))).sum()
    assert float(kl) == pytest.approx(NEAREST.get(name, 0.0), abs=0.02 * D)


@pytest.mark.parametrize("size", [30.0, 1e4])
@pytest.mark.parametrize("name", POSTERIORS)
def test_no_phi_makes_it_overflow(name: str, size: float) -> None:
    torch.set_default_dtype(torch.float32)
    family = family_of(name)
    prior = prior_of(prior_over(family.support), family)
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

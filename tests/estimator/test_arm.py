"""ARM and DisARM: exact expectations over the uniform noise, cell by cell, and variances on one bit in closed form."""

import itertools
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from tests.problems import family_and_model, give, node, objective, parameters, space, truth
from vaerun.estimator.antithetic import Antithetic
from vaerun.experiment.make import make
from vaerun.model.base import Model
from vaerun.objective.base import Objective
from vaerun.posterior.bernoulli import IndependentBernoulli

pytestmark = pytest.mark.usefixtures("exact")

PAIRED = ("arm", "disarm")


def paired(name: str) -> Antithetic:
    return make(node(f"estimator/{name}"), {})


def point() -> Tensor:
    return torch.tensor([[1.0, 0.0, 1.0]])


class Cells(NamedTuple):
    """Nodes of u for every draw, and their weights, with which Σ weight · f(u) = ∫ f(u) du."""

    u: Tensor  # Float[Tensor, "K T D"]
    weight: Tensor  # Float[Tensor, "T"]


def cells(logits: Tensor, k: int) -> Cells:
    """Two Gauss nodes in each cell between the breakpoints of every u, where f is a cubic in every u at most.

    z = 1[u > 1 − p] and z̃ = 1[u < p] change at 1 − p and at p only.
    """
    p = logits.sigmoid().flatten()
    nodes: list[list[tuple[float, float]]] = []
    for low, high in zip(torch.minimum(p, 1 - p).tolist(), torch.maximum(p, 1 - p).tolist(), strict=True):
        edges = list(itertools.pairwise((0.0, low, high, 1.0)))
        offsets = (0.5 - 0.75**0.5 / 3, 0.5 + 0.75**0.5 / 3)
        nodes.append([(a + t * (b - a), 0.5 * (b - a)) for a, b in edges for t in offsets])
    every = list(itertools.product(*(nodes * k)))
    u, weight = torch.tensor(every).unbind(-1)
    return Cells(u.reshape(-1, k, len(p)).transpose(0, 1), weight.prod(-1))


class Gradients(NamedTuple):
    """Of every draw: the estimator's gradient in the logits, and of their mean that in θ."""

    phi: Tensor  # Float[Tensor, "T D"]
    theta: list[Tensor]
    value: Tensor  # Float[Tensor, ""]: the mean
    log_likelihood: Tensor
    kl: Tensor


def gradients(name: str, logits: Tensor, model: Model, J: Objective, over: Cells) -> Gradients:
    leaf = logits.expand(len(over.weight), -1).clone().requires_grad_()
    q = give(IndependentBernoulli(leaf), "noise", over.u.logit())
    estimate = paired(name)(q, model, J, point().expand(len(over.weight), -1))
    (phi,) = torch.autograd.grad(estimate.surrogate.sum(), leaf, retain_graph=True)
    theta = torch.autograd.grad((over.weight * estimate.surrogate).sum(), parameters(model))
    values = [(over.weight * t).sum() for t in (estimate.value, estimate.log_likelihood, estimate.kl)]
    return Gradients(phi, list(theta), *values)


@pytest.mark.slow
@pytest.mark.parametrize("name", PAIRED)
@pytest.mark.parametrize("J", ["elbo", "iwae", "renyi"])
@pytest.mark.parametrize("beta", [1.0, 0.3])
@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1)], ids=str)
def test_gradients_and_figures_are_exact_in_expectation(name: str, J: str, beta: float, size: tuple[int, int]) -> None:
    k, latent_dim = size
    _, model = family_and_model("bernoulli", latent_dim=latent_dim)
    logits = torch.tensor([[0.6, -1.1]])[:, :latent_dim].clone().requires_grad_()
    over = cells(logits.detach(), k)
    assert float(over.weight.sum()) == pytest.approx(1)
    found = gradients(name, logits.detach(), model, objective(J, k, beta), over)
    answer = truth(
        IndependentBernoulli(logits), model, objective(J, k), point(), space("binary", latent_dim), beta=beta
    )
    wanted_phi, *wanted_theta = torch.autograd.grad(answer.bound, [logits, *parameters(model)])
    assert wanted_phi.abs().min() > 1e-3
    torch.testing.assert_close((over.weight.unsqueeze(1) * found.phi).sum(0), wanted_phi[0], rtol=0, atol=1e-12)
    for a, b in zip(found.theta, wanted_theta, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)
    for a, b in zip((found.value, found.log_likelihood, found.kl), answer, strict=True):
        torch.testing.assert_close(a, b.detach(), rtol=0, atol=1e-12)


def test_variances_on_one_bit() -> None:
    """With m = max(p, 1 − p): DisARM Δ² m² (1 − m)(m − ½); ARM Δ² ⅔ (⅛ − (m − ½)³) − (p (1 − p) Δ)²."""
    _, model = family_and_model("bernoulli", latent_dim=1)
    for logit in (0.6, -1.4):
        logits = torch.tensor([[logit]])
        q = IndependentBernoulli(logits)
        f = (model.log_joint(point(), q.support()) - q.log_prob(q.support())).detach().flatten()
        delta, p = float(f[1] - f[0]), float(logits.sigmoid())
        m = max(p, 1 - p)
        wanted = {
            "disarm": delta**2 * m**2 * (1 - m) * (m - 0.5),
            "arm": delta**2 * 2 / 3 * (0.125 - (m - 0.5) ** 3) - (p * (1 - p) * delta) ** 2,
        }
        over = cells(logits, 1)
        for name in PAIRED:
            g = gradients(name, logits, model, objective("elbo", 1), over).phi.squeeze(1)
            mean = float((over.weight * g).sum())
            assert mean == pytest.approx(p * (1 - p) * delta, abs=1e-12)
            assert float((over.weight * g.square()).sum()) - mean**2 == pytest.approx(wanted[name], abs=1e-12)
        assert 0 <= wanted["disarm"] < wanted["arm"]


@pytest.mark.parametrize("J", ["elbo", "iwae"])
def test_disarm_is_arm_averaged_over_the_noise_of_a_pair(J: str) -> None:
    """The two Gauss nodes of a cell give the same pair: their mean under ARM is what DisARM says at either."""
    _, model = family_and_model("bernoulli", latent_dim=1)
    logits = torch.tensor([[0.6]])
    over = cells(logits, 1)
    arm, disarm = (gradients(name, logits, model, objective(J, 1), over).phi.squeeze(1) for name in PAIRED)
    pairs = arm.reshape(3, 2).mean(1)
    pairs[[0, 2]] = 0.5 * (pairs[0] + pairs[2])  # u < 1 − p and u > p give the same pair in the other order
    torch.testing.assert_close(disarm.reshape(3, 2), pairs.unsqueeze(1).expand(3, 2), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", PAIRED)
def test_a_draw_and_its_opposite_say_the_same(name: str) -> None:
    """Both halves have the same part in everything: ε and −ε are one and the same estimate on every J."""
    _, model = family_and_model("bernoulli", latent_dim=2)
    logits, u = torch.randn(1, 2), torch.rand(3, 1, 2)
    for J in ("elbo", "iwae", "renyi"):
        there, back = (
            gradients(name, logits, model, objective(J, 3, 0.3), Cells(v, torch.ones(1))) for v in (u, 1 - u)
        )
        torch.testing.assert_close(there.phi, back.phi)
        torch.testing.assert_close(there.theta, back.theta)
        torch.testing.assert_close(there[2:], back[2:])


@pytest.mark.parametrize("name", PAIRED)
def test_it_decodes_both_halves(name: str) -> None:
    family, _ = family_and_model("bernoulli", latent_dim=2)
    assert paired(name).decodes(5, family) == 10

"""p(x given outputs): every likelihood says truly whether it is a density, and over what."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.problems import bernoulli_space, node, space, variants
from vaerun.experiment.make import make
from vaerun.model.likelihood.base import Likelihood
from vaerun.model.likelihood.count import CountLikelihood
from vaerun.model.likelihood.zero_inflated_negative_binomial import ZeroInflatedNegativeBinomial

pytestmark = pytest.mark.usefixtures("exact")

LIKELIHOODS = ["/".join((name, *inner.values())) for name, inner in variants("model/likelihood")]
MEAN = torch.tensor([0.2, 0.7], dtype=torch.float64)
TOTAL = 2.5  # where the density is conditioned on the total of x
AT_TOTAL = TOTAL * MEAN / MEAN.sum()
COUNTS = 700  # larger counts have a probability below the rounding error at the outputs of these tests


def made(name: str, data_mean: Tensor = AT_TOTAL, data_std: float = 0.6) -> Likelihood:
    option, _, rate = name.partition("/")
    facts = {"data_dim": 2, "data_std": data_std, "data_mean": data_mean}
    likelihood: Likelihood = make(node(f"model/likelihood/{option}", {"rate": rate} if rate else {}), facts)
    return likelihood


def drawn(name: str) -> Likelihood:
    likelihood = made(name)
    with torch.no_grad():
        for weight in likelihood.parameters():
            weight.copy_(0.3 * torch.randn_like(weight))
    return likelihood


def points(likelihood: Likelihood) -> tuple[Tensor, Tensor]:
    """x over the whole support, Float[Tensor, "S 2"], and the volume each stands for, Float[Tensor, "S"]."""
    if likelihood.levels is not None:
        values = torch.linspace(0, 1, likelihood.levels)
        return torch.cartesian_prod(values, values), torch.ones(likelihood.levels**2)
    if likelihood.data_support == "unit":
        nodes, weights = (torch.from_numpy(a) for a in np.polynomial.legendre.leggauss(60))
        return torch.cartesian_prod(nodes, nodes) / 2 + 0.5, torch.cartesian_prod(weights, weights).prod(1) / 4
    if likelihood.data_support == "count":
        values = torch.arange(COUNTS).double()
        return torch.cartesian_prod(values, values), torch.ones(COUNTS**2)
    over = space("real", 2, width=9.0, cell=0.1)
    return over.z[:, 0], over.volume * torch.ones(len(over.z))


def terms(likelihood: Likelihood, x: Tensor, outputs: Tensor, total: float = TOTAL) -> Tensor:
    """log p(x_j given outputs); where it is also given the total of x, at a fixed one."""
    if not isinstance(likelihood, CountLikelihood):
        return likelihood.terms(x, outputs)
    return likelihood.terms_at(x, outputs, torch.tensor(total))


def log_prob(likelihood: Likelihood, x: Tensor, outputs: Tensor, total: float = TOTAL) -> Tensor:
    """log p(x given outputs), as ``terms``."""
    if not isinstance(likelihood, CountLikelihood):
        return likelihood.log_prob(x, outputs)
    return likelihood.log_prob_at(x, outputs, torch.tensor(total))


@torch.no_grad()
def mass(likelihood: Likelihood, outputs: Tensor, total: float) -> float:
    x, volume = points(likelihood)
    return float((log_prob(likelihood, x, outputs.expand(1, len(x), -1), total).exp() * volume).sum())


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_it_is_normalised_if_and_only_if_it_says_so(name: str) -> None:
    likelihood = drawn(name)
    each = zip(torch.randn(3, likelihood.num_outputs), (0.0, 1.0, 30.0), strict=True)
    sums = [mass(likelihood, outputs, total) for outputs, total in each]
    if likelihood.normalized:
        assert sums == pytest.approx([1, 1, 1], abs=1e-9)
    else:
        assert all(abs(s - 1) > 0.01 for s in sums)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_its_terms_sum_to_it_and_each_depends_on_its_own_coordinate(name: str) -> None:
    likelihood = drawn(name)
    x, _ = points(likelihood)
    x, outputs = x[:: max(1, len(x) // 9)], torch.randn(2, 1, likelihood.num_outputs)
    outputs = outputs.expand(2, len(x), -1)
    each = terms(likelihood, x, outputs)
    assert each.shape == (2, len(x), 2)
    torch.testing.assert_close(each.sum(-1), log_prob(likelihood, x, outputs))
    torch.testing.assert_close(likelihood.terms(x, outputs).sum(-1), likelihood.log_prob(x, outputs))
    other = torch.stack((x[:, 0], x[:, 1].flip(0)), 1)
    assert torch.equal(terms(likelihood, other, outputs)[..., 0], each[..., 0])


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_the_gradient_in_its_outputs_is_its_derivative(name: str) -> None:
    likelihood = drawn(name)
    x, _ = points(likelihood)
    x = x[:: max(1, len(x) // 9)]
    outputs = torch.randn(2, len(x), likelihood.num_outputs, requires_grad=True)
    (expected,) = torch.autograd.grad(likelihood.log_prob(x, outputs).sum(), outputs)
    found = likelihood.output_gradient(x, outputs)
    torch.testing.assert_close(found, expected)
    assert float(found.abs().max()) > 0
    assert not found.requires_grad


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_its_first_outputs_have_the_datas_mean(name: str) -> None:
    for mean, exact in ((MEAN, True), (torch.tensor([0.0, 1.0], dtype=torch.float64), False)):  # never and always
        likelihood = made(name, data_mean=mean)
        outputs = likelihood.initial_outputs(mean)
        assert outputs.shape == (likelihood.num_outputs,)
        assert outputs.isfinite().all()
        found = likelihood.mean(outputs).detach()
        if isinstance(likelihood, ZeroInflatedNegativeBinomial) and likelihood.rate.reads_total:
            assert found.sum() < mean.sum()  # zeros are taken away from shares that add up to the total
            found = found * mean.sum() / found.sum()
        torch.testing.assert_close(found, mean, rtol=1e-7 if exact else 0, atol=1e-7 if exact else 2e-3)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_its_samples_have_the_moments_of_its_density(name: str) -> None:
    likelihood, n = drawn(name), 20_000
    outputs = torch.randn(3, likelihood.num_outputs).requires_grad_()
    x = likelihood.sample(outputs.expand(n, 3, -1))
    assert x.shape == (n, 3, 2)
    assert not x.requires_grad
    if likelihood.levels is not None:
        on_the_grid = x * (likelihood.levels - 1)
        torch.testing.assert_close(on_the_grid, on_the_grid.round())
    if likelihood.data_support == "count":
        assert torch.equal(x, x.round())
        assert 0 <= x.min() <= 1 < x.max()
    elif likelihood.data_support in ("binary", "unit"):
        assert 0 <= x.min() <= x.max() <= 1
    mean = likelihood.mean(outputs).detach()
    # What is not a density may be sampled by another rule: cross_entropy draws bits.
    over, volume = points(likelihood) if likelihood.normalized else (bernoulli_space(2), torch.ones(4))
    p = (log_prob(likelihood, over, outputs.unsqueeze(1).expand(3, len(over), -1)).exp() * volume).detach()
    square = torch.einsum("bs,sx->bx", p, over.square())
    torch.testing.assert_close(torch.einsum("bs,sx->bx", p, over), mean, rtol=0, atol=1e-9)
    error = ((square - mean.square()) / n).sqrt()
    assert ((x.mean(0) - mean).abs() < 5 * error).all()
    fourth = torch.einsum("bs,sx->bx", p, over**4)
    assert ((x.square().mean(0) - square).abs() <= 5 * ((fourth - square**2) / n).clamp(min=0).sqrt() + 1e-12).all()


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_samples_of_z_stand_before_points(name: str) -> None:
    likelihood = drawn(name)
    x, outputs = bernoulli_space(2)[:3], torch.randn(4, 3, likelihood.num_outputs)
    log_p = likelihood.log_prob(x, outputs)
    assert log_p.shape == (4, 3)
    for k in range(4):
        for b in range(3):
            alone = likelihood.log_prob(x[[b]], outputs[k, b].reshape(1, 1, -1))
            torch.testing.assert_close(log_p[k, b], alone[0, 0])


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_no_output_makes_it_overflow(name: str) -> None:
    torch.set_default_dtype(torch.float32)
    likelihood = made(name, MEAN.float(), data_std=1.0)
    for size in (-1e4, 1e4):
        outputs = torch.full((1, 4, likelihood.num_outputs), size, requires_grad=True)
        with torch.no_grad():
            for weight in likelihood.parameters():
                weight.fill_(-1e4)
        log_p = likelihood.log_prob(bernoulli_space(2), outputs)
        assert log_p.isfinite().all()
        leaves = [outputs, *likelihood.parameters()]
        assert all(g.isfinite().all() for g in torch.autograd.grad(log_p.sum(), leaves))
        assert math.isfinite(float(log_p.sum().detach()))


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_each_coordinate_has_outputs_of_its_own(name: str) -> None:
    likelihood = drawn(name)
    outputs = likelihood.initial_outputs(MEAN)
    moved = outputs.clone()
    moved[-1] += 1.0
    before, after = likelihood.mean(outputs), likelihood.mean(moved)
    shared = isinstance(likelihood, CountLikelihood) and likelihood.rate.reads_total
    zeros = isinstance(likelihood, ZeroInflatedNegativeBinomial)  # its last output is no rate
    assert torch.equal(after[0], before[0]) if zeros or not shared else after[0] < before[0]
    assert after[1] > before[1]

"""log p(x) = ηx − log((e^η − 1)/η)."""

from typing import Any

import numpy as np
import pytest
import torch

from tests.problems import node
from vaerun.experiment.make import make
from vaerun.model.likelihood.continuous_bernoulli import NEAR, ContinuousBernoulli, log_normalizer

pytestmark = pytest.mark.usefixtures("exact")

SIZES = [0.0, 1e-12, 1e-6, 1e-3, 0.1, 0.999 * NEAR, 1.001 * NEAR, 0.5, 3.0, 30.0]
LOGITS = [*SIZES, *(-size for size in SIZES)]


def likelihood(data_dim: int = 1) -> ContinuousBernoulli:
    return make(node("model/likelihood/continuous_bernoulli"), {"data_dim": data_dim, "data_std": 1.0})


def quadrature(logits: torch.Tensor, power: int) -> torch.Tensor:
    """∫₀¹ x^power e^{ηx} dx."""
    nodes, weights = (torch.from_numpy(a) for a in np.polynomial.legendre.leggauss(80))
    x = nodes / 2 + 0.5
    return ((logits.unsqueeze(-1) * x).exp() * x**power * weights / 2).sum(-1)


def test_normalizer_mean_and_derivatives_are_exact_on_both_sides_of_the_series() -> None:
    eta = torch.tensor(LOGITS, requires_grad=True)
    exact = [quadrature(eta, power).detach() for power in (0, 1, 2)]
    log_z, mean = log_normalizer(eta), likelihood(len(eta)).mean(eta)
    torch.testing.assert_close(log_z.detach(), exact[0].log(), rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(mean.detach(), exact[1] / exact[0], rtol=1e-12, atol=1e-14)
    (slope,) = torch.autograd.grad(log_z.sum(), eta)
    torch.testing.assert_close(slope, mean.detach(), rtol=1e-12, atol=1e-13)
    (variance,) = torch.autograd.grad(mean.sum(), eta)
    torch.testing.assert_close(variance, exact[2] / exact[0] - mean.detach().square(), rtol=1e-9, atol=1e-11)


def test_in_single_precision_it_loses_no_digits_at_one_half() -> None:
    eta = torch.linspace(-1, 1, 401)
    single = eta.float().requires_grad_()
    torch.testing.assert_close(log_normalizer(single).double(), log_normalizer(eta), rtol=1e-6, atol=1e-6)
    (slope,) = torch.autograd.grad(log_normalizer(single).sum(), single)
    torch.testing.assert_close(slope.double(), likelihood(401).mean(eta), rtol=0, atol=3e-6)


def test_torch_agrees() -> None:
    logits, x = torch.tensor([-8.0, -1.0, 0.7, 5.0]), torch.rand(6, 4)
    peer = torch.distributions.ContinuousBernoulli(logits=logits)
    torch.testing.assert_close(likelihood(4).log_prob(x, logits.expand(6, 4)), peer.log_prob(x).sum(-1))


def test_a_sample_is_where_the_distribution_function_has_its_uniform_number(monkeypatch: Any) -> None:
    u = torch.linspace(0.01, 0.99, 9)
    monkeypatch.setattr(torch, "rand_like", lambda outputs: u.expand_as(outputs))
    for eta in LOGITS:
        x = likelihood(9).sample(torch.full((9,), eta))
        reached = torch.expm1(eta * x) / torch.expm1(torch.tensor(eta)) if eta else x
        # Its mirror image has the uniform numbers' mirror images.
        torch.testing.assert_close(reached, 1 - u if eta > 0 else u, rtol=0, atol=1e-12)


def test_unlike_the_cross_entropy_it_is_right_about_the_mean() -> None:
    """The maximum-likelihood λ of grey pixels is not their mean: that of the continuous Bernoulli has their mean."""
    x = torch.rand(50, 1) ** 3
    start = likelihood().initial_outputs(x.mean(0)).requires_grad_()
    (gradient,) = torch.autograd.grad(likelihood().log_prob(x, start.expand(50, 1)).sum(), start)
    assert gradient.abs().max() < 1e-10
    assert abs(start.detach().sigmoid() - x.mean()) > 0.05

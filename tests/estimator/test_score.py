"""REINFORCE on one bit and on a Gaussian at its optimum: variances in closed form."""

import math

import pytest
import torch
from torch import Tensor

from tests.problems import all_draws, family_and_model, give, linear_gaussian, node, objective
from vaerun.experiment.make import make
from vaerun.model.base import Model
from vaerun.posterior.bernoulli import IndependentBernoulli
from vaerun.posterior.gaussian import DiagonalGaussian

pytestmark = pytest.mark.usefixtures("exact")

X = torch.tensor([[1.0, 0.0, 1.0]])


def score(baseline: str) -> torch.nn.Module:
    return make(node("estimator/score", {"baseline": baseline}), {})


def one_bit() -> tuple[Tensor, Model, float, float, float]:
    """(logit of q, model, p, f0, f1): the rewards of the two values of z."""
    torch.manual_seed(0)
    _, model = family_and_model("bernoulli", latent_dim=1)
    logit = torch.tensor([[0.6]])
    q = IndependentBernoulli(logit)
    f = (model.log_joint(X, q.support()) - q.log_prob(q.support())).detach().flatten()
    return logit, model, float(logit.sigmoid()), float(f[0]), float(f[1])


def mean_and_variance(baseline: str, k: int) -> tuple[float, float]:
    """Of the gradient in the logit of one bit, over every draw of k samples."""
    logit, model, *_ = one_bit()
    draws = all_draws(IndependentBernoulli(logit), k)
    gradients = []
    for t in range(len(draws.probability)):
        leaf = logit.clone().requires_grad_()
        q = give(IndependentBernoulli(leaf), "sample", draws.values[:, [t]])
        estimate = score(baseline)(q, model, objective("elbo", k), X)
        gradients.append(torch.autograd.grad(estimate.surrogate.sum(), leaf)[0].squeeze())
    gradient = torch.stack(gradients)
    mean = float((draws.probability * gradient).sum())
    return mean, float((draws.probability * gradient.square()).sum()) - mean**2


def test_reinforce_on_one_bit() -> None:
    _, _, p, f0, f1 = one_bit()
    mean, variance = mean_and_variance("none", 1)
    assert mean == pytest.approx(p * (1 - p) * (f1 - f0), abs=1e-12)
    wanted = p * (1 - p) * (f1**2 * (1 - p) + f0**2 * p) - (p * (1 - p) * (f1 - f0)) ** 2
    assert variance == pytest.approx(wanted, abs=1e-12)


def test_leave_one_out_over_a_pair_on_one_bit() -> None:
    _, _, p, f0, f1 = one_bit()
    mean, variance = mean_and_variance("leave_one_out", 2)
    assert mean == pytest.approx(p * (1 - p) * (f1 - f0), abs=1e-12)
    assert variance == pytest.approx((f1 - f0) ** 2 * p * (1 - p) * (0.5 - p * (1 - p)), abs=1e-12)


def test_a_moving_average_shifts_the_rewards() -> None:
    """With b known, the variance is REINFORCE's with f − b for f."""
    logit, model, p, f0, f1 = one_bit()
    estimator = score("moving_average")
    b = -1.7
    estimator.baseline.average.total.fill_(b)
    estimator.baseline.average.weight.fill_(1.0)
    estimator.eval()
    second = 0.0
    for z, probability in ((0.0, 1 - p), (1.0, p)):
        leaf = logit.clone().requires_grad_()
        q = give(IndependentBernoulli(leaf), "sample", torch.full((1, 1, 1), z))
        estimate = estimator(q, model, objective("elbo", 1), X)
        second += probability * float(torch.autograd.grad(estimate.surrogate.sum(), leaf)[0]) ** 2
    assert second == pytest.approx(p * (1 - p) * ((f1 - b) ** 2 * (1 - p) + (f0 - b) ** 2 * p), abs=1e-12)


@pytest.mark.parametrize("name", ["elbo", "iwae"])
@pytest.mark.parametrize("k", [2, 3])
def test_at_the_exact_posterior_leave_one_out_leaves_nothing_of_the_rewards(name: str, k: int) -> None:
    """c_k − b_k is zero for every sample: no gradient on the ELBO, −mean_k ∇ log q(z_k) on the weighted bound."""
    model = linear_gaussian(torch.tensor([[0.7], [-0.4]]), torch.tensor([0.1, 0.2]), 0.5)
    x = torch.tensor([[1.0, -0.3], [0.4, 2.0]])
    mean, covariance = model.exact_posterior(x)
    mu = mean.detach().requires_grad_()
    log_sigma = covariance.detach().log().mul(0.5).expand(2, 1).clone().requires_grad_()
    noise = torch.randn(k, 2, 1)
    q = give(DiagonalGaussian(mu, log_sigma), "noise", noise)
    estimate = score("leave_one_out")(q, model, objective(name, k), x)
    torch.testing.assert_close(estimate.value, model.exact_log_prob(x).detach())
    d_mu, d_log_sigma = torch.autograd.grad(estimate.surrogate.sum(), (mu, log_sigma))
    a = 0 if name == "elbo" else 1
    torch.testing.assert_close(d_mu, -a * (noise / log_sigma.detach().exp()).mean(0), rtol=0, atol=1e-12)
    torch.testing.assert_close(d_log_sigma, -a * (noise.square() - 1).mean(0), rtol=0, atol=1e-12)


def test_the_samples_carry_no_gradient_and_theta_keeps_the_plain_one() -> None:
    model = linear_gaussian(torch.tensor([[2.0]]), torch.tensor([0.0]), 1.0)
    mu, log_sigma = torch.tensor([[0.3]], requires_grad=True), torch.tensor([[0.0]], requires_grad=True)
    x = torch.tensor([[1.5]])
    q = give(DiagonalGaussian(mu, log_sigma), "noise", torch.tensor([[[0.8]]]))
    estimate = score("none")(q, model, objective("elbo", 1), x)
    d_mu, d_W = torch.autograd.grad(estimate.surrogate.sum(), (mu, model.W))
    z = 1.1
    r = -0.5 * (1.5 - 2 * z) ** 2 - 0.5 * z**2 + 0.5 * 0.8**2 - 0.5 * math.log(2 * math.pi)
    assert float(estimate.value) == pytest.approx(r, abs=1e-12)
    assert float(d_mu) == pytest.approx(r * 0.8, abs=1e-12)
    assert float(d_W) == pytest.approx((1.5 - 2 * z) * z, abs=1e-12)

"""A missing value is integrated out: masked densities, bounds and imputations against closed forms."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.problems import (
    linear_gaussian,
    linear_strategy,
    node,
    objective,
    options,
    simulated,
)
from vaerun.bound.bound import Bound
from vaerun.bound.monte_carlo import ELBO
from vaerun.evaluation.ais import AISEvaluation
from vaerun.evaluation.bound import BoundEvaluation
from vaerun.evaluation.gap import GapEvaluation
from vaerun.evaluation.imputation import impute
from vaerun.experiment.make import make
from vaerun.model.base import Model
from vaerun.model.likelihood.base import Likelihood
from vaerun.model.linear_gaussian import LinearGaussian
from vaerun.notation import Batch, Column
from vaerun.posterior.base import Family
from vaerun.strategy.base import Strategy
from vaerun.verify.strategy import dataset

pytestmark = pytest.mark.usefixtures("exact")
QUICK = {"steps": 3, "max_steps": 5, "max_inner": 4, "window": 2, "test_steps": 20}


@pytest.fixture(autouse=True)
def fixed() -> None:
    torch.manual_seed(0)


def masked(x: Tensor, fraction: float = 0.4) -> Tensor:
    """x with some values missing, at least one in the first point, and none in the second."""
    hidden = torch.rand(x.shape, generator=torch.Generator().manual_seed(2)) < fraction
    hidden[0, 0], hidden[1] = True, False
    return x.masked_fill(hidden, math.nan)


def pair(x: Tensor) -> tuple[LinearGaussian, LinearGaussian]:
    """The same linear-Gaussian model for complete points and for points with missing values."""
    g = torch.Generator().manual_seed(1)
    made = linear_gaussian(torch.randn(x.shape[1], 2, generator=g), torch.randn(x.shape[1], generator=g), 0.5)
    other = LinearGaussian(latent_dim=2, data_mean=made.mu.detach(), data_std=0.5, missing=True)
    other.load_state_dict(made.state_dict())
    return made, other


def normal(model: LinearGaussian) -> tuple[Tensor, Tensor]:
    """μ and C = WWᵀ + σ²I, written out."""
    C = model.W @ model.W.T + (2 * model.log_sigma()).exp() * torch.eye(len(model.mu))
    return model.mu.detach(), C.detach()


def bound_of(model: Model, x: Tensor) -> Bound:
    facts: dict[str, Any] = {
        "latent_dim": model.latent_dim,
        "data_dim": x.shape[1],
        "data_mean": x.nanmean(0),
        "data_std": 1.0,
    }
    family: Family = make(node("posterior/full_gaussian"), facts)
    return Bound(
        model=model, family=family, objective=objective("elbo", 4), estimator=make(node("estimator/reparam"), facts)
    )


def test_the_density_of_the_observed_values_is_the_marginal_of_the_normal() -> None:
    x = masked(simulated(20))
    complete, model = pair(x)
    mu, C = normal(complete)
    found = model.exact_log_prob(x)
    for i, row in enumerate(x):
        o = ~row.isnan()
        marginal = torch.distributions.MultivariateNormal(mu[o], C[o][:, o])
        torch.testing.assert_close(found[i].detach(), marginal.log_prob(row[o]))
    assert bool((found != complete.exact_log_prob(x.nan_to_num(0.0)))[0])


def test_complete_points_are_as_without_a_mask() -> None:
    x = simulated(8)
    complete, model = pair(x)
    z = torch.randn(3, 8, 2)
    torch.testing.assert_close(model.log_likelihood(x, z), complete.log_likelihood(x, z))
    torch.testing.assert_close(model.exact_log_prob(x), complete.exact_log_prob(x))
    mean, covariance = model.exact_posterior(x)
    torch.testing.assert_close(mean, complete.exact_posterior(x)[0])
    torch.testing.assert_close(covariance, complete.exact_posterior(x)[1].expand(8, -1, -1))
    torch.testing.assert_close(model.diagonal_gap(x), complete.diagonal_gap().expand(8))


def test_the_elbo_at_the_exact_posterior_is_log_p_of_the_observed_part() -> None:
    x = masked(simulated(12))
    _, model = pair(x)
    mean, covariance = model.exact_posterior(x)
    z = torch.randn(5, 12, 2)
    log_q = torch.distributions.MultivariateNormal(mean, covariance).log_prob(z)
    torch.testing.assert_close(model.log_joint(x, z) - log_q, model.exact_log_prob(x).expand(5, -1))


def test_the_gap_of_a_diagonal_q_is_that_of_the_points_own_mask() -> None:
    x = masked(simulated(12))
    _, model = pair(x)
    mean, covariance = (part.detach() for part in model.exact_posterior(x))
    precision = covariance.inverse()
    q = torch.distributions.Normal(mean, precision.diagonal(dim1=1, dim2=2).rsqrt())
    p = torch.distributions.MultivariateNormal(mean, covariance)
    diagonal = torch.distributions.MultivariateNormal(q.mean, scale_tril=torch.diag_embed(q.stddev))
    torch.testing.assert_close(
        model.diagonal_gap(x).detach(), torch.distributions.kl_divergence(diagonal, p), atol=1e-9, rtol=1e-9
    )
    assert float(model.diagonal_gap(x).detach().std()) > 0.01


def exact_strategy(model: LinearGaussian, x: Tensor, monkeypatch: pytest.MonkeyPatch) -> Strategy:
    """A strategy whose q is the exact posterior of the observed part, so that all importance weights are equal."""
    strategy = linear_strategy("amortized", x.nan_to_num(0.0))
    monkeypatch.setattr(strategy, "bound", bound_of(model, x))

    class Exact:
        def __init__(self, points: Tensor) -> None:
            mean, covariance = (part.detach() for part in model.exact_posterior(points))
            self.normal = torch.distributions.MultivariateNormal(mean, covariance)

        def sample(self, k: int) -> Tensor:
            return self.normal.sample(torch.Size([k]))

        def log_prob(self, z: Tensor) -> Tensor:
            return self.normal.log_prob(z)

    monkeypatch.setattr(strategy.bound.family, "forward", lambda phi: Exact(phi))
    monkeypatch.setattr(strategy, "infer", lambda points: type("", (), {"phi": points}))
    return strategy


def test_an_imputation_is_the_conditional_normal(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = simulated(6)
    x = masked(truth)
    complete, model = pair(x)
    mu, C = normal(complete)
    K = 40_000
    found = impute(exact_strategy(model, x, monkeypatch), x, num_samples=K, truth=truth)
    torch.testing.assert_close(found.effective_samples, torch.full((6,), float(K)))
    assert found.log_score is not None
    for i, row in enumerate(x):
        o, m = ~row.isnan(), row.isnan()
        gain = C[m][:, o] @ C[o][:, o].inverse()
        mean = mu[m] + gain @ (row[o] - mu[o])
        deviation = (C[m][:, m] - gain @ C[o][:, m]).diagonal().sqrt()
        assert ((found.x[i, m] - mean).abs() < 4.5 * deviation / K**0.5).all()
        torch.testing.assert_close(found.standard_deviation[i, m], deviation, rtol=0.02, atol=0)
        score = torch.distributions.Normal(mean, deviation).log_prob(truth[i, m])
        torch.testing.assert_close(found.log_score[i, m], score, rtol=0.02, atol=0.02)
        assert torch.equal(found.x[i, o], row[o])
        assert (found.standard_deviation[i, o] == 0).all()


def test_weights_correct_a_q_that_is_not_the_posterior() -> None:
    x = masked(simulated(3))
    complete, model = pair(x)
    mu, C = normal(complete)
    strategy = linear_strategy("amortized", x.nan_to_num(0.0))
    strategy.bound = bound_of(model, x)
    phi = strategy.bound.family.initial()
    strategy.infer = lambda points: type("", (), {"phi": phi.expand(len(points), -1)})  # type: ignore[assignment]
    found = impute(strategy, x, num_samples=200_000)  # q is near the prior
    o, m = ~x[0].isnan(), x[0].isnan()
    mean = mu[m] + C[m][:, o] @ C[o][:, o].inverse() @ (x[0, o] - mu[o])
    assert float(found.effective_samples[0]) < 150_000
    torch.testing.assert_close(found.x[0, m], mean, atol=0.02, rtol=0)


def test_a_missing_category_gets_its_likeliest_code() -> None:
    """Codes 0 and 2 are likely and 1 is not, so a mean of codes would be near 1. Quadrature gives the chances."""
    column = Column("kind", kind="categorical", categories=("a", "b", "c"), shares=(0.4, 0.1, 0.5))
    facts = {"latent_dim": 1, "data_dim": 1, "data_mean": torch.ones(1), "data_std": 1.0, "columns": (column,)}
    model = make(node("model/vae", {"likelihood": "mixed"}, latent_dim=1), facts | {"missing": True})

    class Logits(torch.nn.Module):
        def forward(self, z: Tensor) -> Tensor:
            return torch.cat([-3 * z, torch.full_like(z, -1.0), 3 * z + 0.5], -1)

    model.decoder = Logits()
    strategy = linear_strategy("amortized", simulated(3))
    strategy.bound = bound_of(model, torch.ones(1, 1))
    phi = strategy.bound.family.initial()
    strategy.infer = lambda points: type("", (), {"phi": phi.expand(len(points), -1)})  # type: ignore[assignment]
    found = impute(strategy, torch.full((1, 1), math.nan), num_samples=100_000)
    z = torch.linspace(-8, 8, 4001, dtype=torch.float64).unsqueeze(-1)
    chance = (Logits()(z).softmax(-1) * (-0.5 * z**2).exp()).sum(0) / (-0.5 * z**2).exp().sum()
    p = float(chance[2])
    assert p > float(chance[0]) > float(chance[1])
    assert float(found.x) == 2.0
    assert abs(float(found.standard_deviation) - (p * (1 - p)) ** 0.5) < 0.003


def made(name: str, data_dim: int) -> Likelihood:
    """The likelihood; of counts, that whose rate does not depend on the total of x, which serves missing values."""
    facts = {"data_dim": data_dim, "data_std": 0.6}
    likelihood: Likelihood = make(node(f"model/likelihood/{name}", {"rate": "free"}), facts)
    return likelihood


@pytest.mark.parametrize("name", options("model/likelihood"))
def test_a_masked_likelihood_is_the_sum_of_the_observed_terms(name: str) -> None:
    X, K = 5, 3
    p: Likelihood = made(name, X)
    outputs = torch.randn(K, 2, p.num_outputs, requires_grad=True)
    levels = 2 if p.data_support == "binary" else p.levels or 4
    x = torch.randint(levels, (2, X)) / (1 if p.data_support == "count" else levels - 1)
    hidden = torch.tensor([[True, False, False, True, False], [False] * 5])
    found = p.observed_log_prob(x.masked_fill(hidden, math.nan), outputs)
    expected = (p.terms(x, outputs) * ~hidden).sum(-1)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(found[:, 1], p.log_prob(x, outputs)[:, 1])
    inside = [outputs, *p.parameters()]
    gradients = (torch.autograd.grad(value.sum(), inside, retain_graph=True) for value in (found, expected))
    for own, other in zip(*gradients, strict=True):
        torch.testing.assert_close(own, other)  # and so it is no nan


@pytest.mark.parametrize("name", options("model/likelihood"))
def test_a_variance_is_that_of_samples(name: str) -> None:
    p: Likelihood = made(name, 3)
    outputs = torch.randn(1, 1, p.num_outputs).expand(1, 40_000, -1)
    x = p.sample(outputs)
    if p.data_support == "unit" and not p.normalized:
        pytest.skip("no density of the values that it is fitted to")
    torch.testing.assert_close(p.variance(outputs).mean(1), x.var(1), rtol=0.05, atol=1e-3)


def missing_strategy(name: str, x: Tensor, **keys: Any) -> Strategy:
    """As ``linear_strategy``, for points with missing values."""
    few = {key: value for key, value in QUICK.items() if key in node(f"strategy/{name}")}
    return linear_strategy(name, x, missing=True, **few, **keys)


@pytest.mark.parametrize("name", options("strategy"))
def test_every_strategy_trains_and_infers(name: str) -> None:
    x = masked(simulated(24))
    strategy = missing_strategy(name, x)
    for rows in torch.arange(24).split(8):
        assert strategy.step(Batch(rows, x[rows])).value.isfinite().all()
    assert all(weight.isfinite().all() for weight in strategy.parameters())
    with torch.no_grad():
        phi = strategy.infer(x).phi
        model = strategy.bound.model
        assert isinstance(model, LinearGaussian)
        elbo = strategy.bound.rewards(x, phi, 2000).mean(0)
        assert (elbo < model.exact_log_prob(x) + 0.1).all()
    assert "the observed part of x" in strategy.bound.metric(ELBO).meaning


@pytest.mark.parametrize(
    "evaluation",
    [BoundEvaluation(num_samples=5), AISEvaluation(points=4, temperatures=5, simulate=True), GapEvaluation(points=4)],
)
def test_evaluations_have_finite_values(evaluation: Any) -> None:
    x = masked(simulated(24))
    data = dataset(x)
    found = evaluation(missing_strategy("amortized", x), data).metrics
    assert found
    assert all(math.isfinite(value) for value in found.values())

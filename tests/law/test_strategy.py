"""max Σ_i L(x_i; θ, φ_i): every strategy reaches the maximum likelihood that is known, and none passes it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.problems import (
    count_decoded,
    count_encoded,
    dataset,
    exact_elbo,
    linear_strategy,
    node,
    optimal_phi,
    options,
    plain_ascent,
    quadrature,
    simulated,
)
from vaerun.evaluation.bound import BoundEvaluation
from vaerun.model.linear_gaussian import LinearGaussian, maximum_log_likelihood
from vaerun.notation import Batch
from vaerun.posterior.gaussian import DiagonalGaussian
from vaerun.strategy.base import Strategy

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("exact"), pytest.mark.parametrize("name", options("strategy"))]

STEPS = 500
QUICK = {
    "steps": 3,
    "max_steps": 5,
    "max_inner": 4,
    "window": 2,
}  # in place of defaults that would only make these small problems slow


def strategy_of(name: str, x: Tensor, **keys: Any) -> Strategy:
    """The strategy of that name, its inner steps few."""
    few = {key: value for key, value in QUICK.items() if key in node(f"strategy/{name}")}
    return linear_strategy(name, x, **few, **keys)


@torch.enable_grad()
def train(strategy: Strategy, x: Tensor, steps: int) -> None:
    """Full batches, with step sizes that fall, so that what is left at the end is no noise of the ascent."""
    everyone = Batch(torch.arange(len(x)), x)
    for step in range(steps):
        rate = 0.05 if step < 0.6 * steps else 0.01 if step < 0.8 * steps else 0.001
        for group in strategy.optimizer.param_groups:
            group["lr"] = rate
        if hasattr(strategy, "solver"):
            strategy.solver.optimizer.learning_rate = rate
        strategy.step(everyone)


@contextmanager
def draws(name: str) -> Iterator[None]:
    """Noisy ones, but for a strategy whose steps a network takes: their noise would pass into φ undamped."""
    with pytest.MonkeyPatch.context() as patch:
        if "refiner" in node(f"strategy/{name}"):
            noisy = DiagonalGaussian.noise
            quadrature(patch)
            exact = DiagonalGaussian.noise
            patch.setattr(DiagonalGaussian, "noise", lambda q, k: exact(q, k) if k == 4 else noisy(q, k))
        yield


def model_of(strategy: Strategy) -> LinearGaussian:
    model = strategy.bound.model
    assert isinstance(model, LinearGaussian)
    return model


@torch.no_grad()
def test_it_reaches_the_maximum_likelihood_and_never_passes_it(name: str) -> None:
    x = simulated()
    maximum = maximum_log_likelihood(x, 2)
    strategy = strategy_of(name, x)
    model, rows = model_of(strategy), torch.arange(len(x))
    before = float(model.exact_log_prob(x).mean())
    assert before < maximum - 1
    with draws(name):
        train(strategy, x, STEPS)
        phi = strategy.infer(x, rows, "train").phi

    reached = float(model.exact_log_prob(x).mean())
    assert maximum - 0.02 < reached < maximum + 1e-9
    own = float(exact_elbo(model, x, phi).mean())
    assert maximum - 0.02 < own < reached + 1e-9

    with draws(name):
        figures = BoundEvaluation(split="train", num_samples=50)(strategy, dataset(x)).metrics
    for bound in ("elbo", "iwae_50"):
        assert abs(figures[f"{bound}/train"] - maximum) < 0.03
        assert figures[f"{bound}/train"] < maximum + 4 * figures[f"{bound}_se/train"]


@torch.no_grad()
def test_a_point_it_never_saw_gets_its_own_best_phi(name: str) -> None:
    x = simulated()
    strategy = strategy_of(name, x)
    with draws(name):
        train(strategy, x, STEPS // 2)
    model = model_of(strategy)
    new = model.sample(40)
    if strategy.per_point:
        strategy.held_out_solver.window, strategy.held_out_solver.tolerance, strategy.test_steps = 100, 0.001, 800
    with draws(name):
        own = exact_elbo(model, new, strategy.infer(new).phi)
    best = exact_elbo(model, new, optimal_phi(model, new))
    assert (best <= model.exact_log_prob(new) + 1e-9).all()
    assert (best - own).min() > -1e-9
    assert (best - own).mean() < 0.03


def test_one_seed_is_one_run_to_the_bit(name: str) -> None:
    torch.set_default_dtype(torch.float32)
    x = simulated(60)
    ends = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        strategy = strategy_of(name, x)
        for rows in torch.arange(60).split(20):
            strategy.step(Batch(rows, x[rows]))
        ends.append([*strategy.state_dict().values(), strategy.infer(x[:5]).phi])
    assert all(torch.equal(a, b) for a, b in zip(ends[0], ends[1], strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(ends[0], ends[2], strict=True))


def test_theta_follows_the_mean_over_the_batch(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every point twice over is the same step of θ as once: it is a mean, whatever the batch."""
    quadrature(monkeypatch)
    x = simulated(6)
    moves = []
    for points in (x, x.repeat(2, 1)):
        torch.manual_seed(0)
        strategy = strategy_of(name, points, optimizer=plain_ascent)
        before = [weight.detach().clone() for weight in strategy.weights]
        strategy.step(Batch(torch.arange(len(points)), points + 1))
        moves.append([w.detach() - b for w, b in zip(strategy.weights, before, strict=True)])
    assert all(move.abs().sum() > 0 for move in moves[0])
    for once, twice in zip(*moves, strict=True):
        torch.testing.assert_close(once, twice)


def test_the_estimate_is_of_the_step_that_moved_theta_and_says_what_theta_saw(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """θ's step is the gradient of the mean of the surrogate it returns: here of the exact ELBO at the φ it used."""
    quadrature(monkeypatch)
    x, used = simulated(6), []
    strategy = strategy_of(name, x, optimizer=plain_ascent)
    model, forward = model_of(strategy), strategy.bound.forward

    def watched(points: Tensor, phi: Tensor) -> object:
        used.append(phi.detach().clone())
        return forward(points, phi)

    monkeypatch.setattr(strategy.bound, "forward", watched)
    theta = list(model.parameters())
    before = [weight.detach().clone() for weight in theta]
    estimate = strategy.step(Batch(torch.arange(6), x))
    after = [weight.detach().clone() for weight in theta]
    with torch.no_grad():
        for weight, value in zip(theta, before, strict=True):
            weight.copy_(value)
    elbo = exact_elbo(model, x, used[-1])
    torch.testing.assert_close(estimate.value, elbo.detach())
    gradients = torch.autograd.grad(elbo.mean(), theta)
    for old, new, gradient in zip(before, after, gradients, strict=True):
        torch.testing.assert_close(new - old, gradient)


@pytest.mark.parametrize("estimator", ["reparam", "score", "analytic_kl"])
def test_it_counts_its_evaluations(name: str, estimator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    x = simulated(12)
    strategy = strategy_of(name, x, k=3, estimator=estimator)
    decoded = count_decoded(strategy.bound.model, monkeypatch)
    encoded = count_encoded(strategy)
    for rows in torch.arange(12).split(6):
        strategy.step(Batch(rows, x[rows]))
    assert strategy.decoder_evaluations == sum(decoded) > 0
    assert strategy.encoder_evaluations == sum(encoded)
    assert (sum(encoded) == 0) == strategy.per_point
    counted = strategy.decoder_evaluations, strategy.encoder_evaluations
    strategy.infer(x)
    assert (strategy.decoder_evaluations, strategy.encoder_evaluations) == counted  # a step's alone


def test_what_the_estimator_says_reaches_the_record(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relaxed objective, say: a strategy adds its own diagnostics to the estimator's."""
    x = simulated(12)
    strategy = linear_strategy(name, x)
    forward = strategy.bound.estimator.forward

    def saying(*parts: object) -> object:
        estimate = forward(*parts)
        return estimate._replace(diagnostics={"said": estimate.value})

    monkeypatch.setattr(strategy.bound.estimator, "forward", saying)
    assert "said" in strategy.step(Batch(torch.arange(12), x)).diagnostics

"""φ* ≈ argmax_φ L(x; θ, φ): every solver moves each point as if it were alone, to that point's own optimum."""

from typing import Any

import pytest
import torch
from torch import Tensor

from tests.problems import (
    PlainAscent,
    count_decoded,
    exact_elbo,
    linear_gaussian,
    node,
    objective,
    optimal_phi,
    options,
    quadrature,
)
from vaerun.bound.bound import Bound
from vaerun.experiment.make import make
from vaerun.local.solver import LocalSolver
from vaerun.model.linear_gaussian import LinearGaussian

pytestmark = [pytest.mark.usefixtures("exact"), pytest.mark.parametrize("name", options("local"))]

D = 2


def problem(estimator: str = "reparam", k: int = 4) -> tuple[LinearGaussian, Bound, Tensor]:
    """A linear-Gaussian model whose best diagonal q is not its posterior, its bound, and points from it."""
    W = torch.randn(5, D)
    model = linear_gaussian(W + W.flip(1) / 2, torch.randn(5), 0.5)
    bound = Bound(
        model=model,
        family=make(node("posterior/gaussian"), {"latent_dim": D}),
        objective=objective("elbo", k),
        estimator=make(node(f"estimator/{estimator}", {"baseline": "leave_one_out"}), {}),
    )
    return model, bound, model.sample(8)


def solver_of(name: str, bound: Bound, rate: float = 0.05, **keys: Any) -> LocalSolver:
    optimizer = node("local/optimizer/adam", learning_rate=rate)
    return make(node(f"local/{name}", optimizer=optimizer, **keys), {"bound": bound})


def start(solver: LocalSolver, x: Tensor) -> tuple[Tensor, Any]:
    phi = solver.bound.family.initial().expand(len(x), -1)
    return phi, solver.optimizer.init(phi)


def distance(model: LinearGaussian, x: Tensor, phi: Tensor) -> Tensor:
    """How many nats each point is below its best diagonal q, in closed form."""
    best = model.exact_log_prob(x) - model.diagonal_gap()
    return (best - exact_elbo(model, x, phi)).detach()


def test_every_point_reaches_its_exact_optimum(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    quadrature(monkeypatch)
    model, bound, x = problem()
    solver = solver_of(name, bound, window=10, tolerance=1e-5, cuts=4)
    before = distance(model, x, start(solver, x)[0])
    assert before.min() > 0.5
    solution = solver(x, *start(solver, x), max_steps=2000)
    assert solution.converged.all()
    assert distance(model, x, solution.phi).abs().max() < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ["reparam", "analytic_kl", "score"])
def test_and_under_the_noise_of_real_draws(name: str, estimator: str) -> None:
    model, bound, x = problem(estimator, k=200)
    solver = solver_of(name, bound, rate=0.1, window=100, tolerance=1e-6, cuts=6)
    solution = solver(x, *start(solver, x), max_steps=2000)
    assert distance(model, x, solution.phi).max() < 1e-3


def test_a_points_path_does_not_depend_on_who_shares_its_batch(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    quadrature(monkeypatch)
    _, bound, x = problem()
    solver = solver_of(name, bound, window=10, tolerance=1e-3)
    together = solver(x, *start(solver, x), max_steps=400)
    halves = [solver(part, *start(solver, part), max_steps=400) for part in x.split(4)]
    assert together.steps.unique().numel() > 1
    assert torch.equal(together.steps, torch.cat([half.steps for half in halves]))
    assert torch.equal(together.converged, torch.cat([half.converged for half in halves]))
    torch.testing.assert_close(together.phi, torch.cat([half.phi for half in halves]), rtol=0, atol=1e-10)
    for field, *parts in zip(together.state, *(half.state for half in halves), strict=True):
        torch.testing.assert_close(field, torch.cat(parts), rtol=0, atol=1e-10)
    assert together.decoder_evaluations == sum(half.decoder_evaluations for half in halves)


def test_a_point_at_its_optimum_leaves_while_a_far_one_goes_on(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    quadrature(monkeypatch)
    model, bound, x = problem()
    # Seven easy points to one hard one, and the other way round: a mean over the batch would be wrong in one of them.
    for easy in (torch.arange(8) != 3, torch.arange(8) == 3):
        solver = solver_of(name, bound, rate=0.01, window=10, tolerance=1e-2, cuts=1)
        phi, state = start(solver, x)
        phi = torch.where(easy.unsqueeze(1), optimal_phi(model, x), phi)
        limited = solver(x, phi, state, max_steps=45)
        assert (limited.steps[easy] == 10).all()
        assert limited.converged[easy].all()
        assert (limited.steps[~easy] == 45).all()
        assert not limited.converged[~easy].any()
        free = solver(x, phi, state, max_steps=2000)
        assert (free.steps[~easy] > 100).all()
        assert free.converged.all()


@pytest.mark.parametrize("limit", [1, 7, 10, 25])
def test_no_point_takes_more_steps_than_allowed(name: str, limit: int) -> None:
    _, bound, x = problem(k=1)
    solver = solver_of(name, bound, tolerance=0.0, cuts=limit)  # so that none leaves
    solution = solver(x, *start(solver, x), max_steps=limit)
    assert (solution.steps == limit).all()
    assert (solution.state.count == limit).all()
    assert not solution.converged.any()


def test_nothing_but_phi_moves(name: str) -> None:
    model, bound, x = problem()
    weights = list(model.parameters())
    for weight in weights:
        weight.grad = torch.full_like(weight, 7.0)
    before = [weight.detach().clone() for weight in weights]
    solver = solver_of(name, bound)
    phi, state = start(solver, x)
    phi = phi.clone()
    given = [phi.clone(), *(field.clone() for field in state)]
    solution = solver(x, phi, state, max_steps=30)
    assert not solution.phi.requires_grad
    assert not torch.equal(solution.phi, phi)
    assert all(torch.equal(weight.detach(), old) for weight, old in zip(weights, before, strict=True))
    assert all(torch.equal(weight.grad, torch.full_like(weight, 7.0)) for weight in weights)
    assert all(torch.equal(old, now) for old, now in zip(given, [phi, *state], strict=True))


@pytest.mark.parametrize("estimator", ["reparam", "analytic_kl", "score"])
def test_it_says_truly_how_often_it_decoded(name: str, estimator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, bound, x = problem(estimator, k=3)
    solver = solver_of(name, bound, window=10, tolerance=0.5, cuts=1)
    decoded = count_decoded(model, monkeypatch)
    solution = solver(x, *start(solver, x), max_steps=205)
    assert solution.steps.unique().numel() > 1
    assert solution.decoder_evaluations == sum(decoded) > 0


def test_one_step_follows_the_gradient_of_the_sum(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    quadrature(monkeypatch)
    model, bound, x = problem()
    solver = make(node(f"local/{name}") | {"optimizer": None}, {"bound": bound})
    solver.optimizer = PlainAscent(rate=0.1)
    leaf = torch.randn(8, 2 * D).requires_grad_()
    (gradient,) = torch.autograd.grad(exact_elbo(model, x, leaf).sum(), leaf)
    phi = leaf.detach()
    moved, state = solver.step(x, phi, solver.optimizer.init(phi))
    torch.testing.assert_close(moved - phi, 0.1 * gradient)
    assert (state.steps == 1).all()


def test_what_is_gone_on_with_keeps_its_optimisers_memory(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    quadrature(monkeypatch)
    _, bound, x = problem()
    solver = solver_of(name, bound, window=10, tolerance=0.0, cuts=4)
    whole = solver(x, *start(solver, x), max_steps=40)
    part = solver(x, *start(solver, x), max_steps=20)
    part = solver(x, part.phi, part.state, max_steps=20)
    torch.testing.assert_close(part.phi, whole.phi, rtol=0, atol=1e-12)

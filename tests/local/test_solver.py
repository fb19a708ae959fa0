"""How the solver decides that a point has converged."""

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.problems import PlainAscent, exact_elbo, linear_gaussian, node, objective, quadrature
from vaerun.bound.bound import Bound
from vaerun.errors import UserError
from vaerun.experiment.make import make
from vaerun.local import solver as module
from vaerun.local.solver import LocalSolver
from vaerun.notation import Estimate

pytestmark = pytest.mark.usefixtures("exact")


def solver_and_points(
    k: int = 1, points: int = 6, estimator: str = "reparam", **keys: Any
) -> tuple[LocalSolver, Tensor]:
    W = torch.randn(5, 2)
    model = linear_gaussian(W + W.flip(1) / 2, torch.randn(5), 0.5)
    bound = Bound(
        model=model,
        family=make(node("posterior/gaussian"), {"latent_dim": 2}),
        objective=objective("elbo", k),
        estimator=make(node(f"estimator/{estimator}"), {}),
    )
    return make(node("local/solver", **keys), {"bound": bound}), model.sample(points)


def exact_gradient(solver: LocalSolver, x: Tensor, phi: Tensor) -> Tensor:
    leaf = phi.detach().clone().requires_grad_()
    return torch.autograd.grad(exact_elbo(solver.bound.model, x, leaf).sum(), leaf)[0]


def test_the_gain_is_the_gradient_on_arrival_along_each_step(monkeypatch: pytest.MonkeyPatch) -> None:
    quadrature(monkeypatch)
    solver, x = solver_and_points(k=4)
    solver.optimizer = PlainAscent(rate=0.01)
    phi, scale = 0.3 * torch.randn(6, 4), torch.rand(6, 1)
    path = [phi]
    for _ in range(5):
        path.append(path[-1] + 0.01 * scale * exact_gradient(solver, x, path[-1]))
    end, _, gain, *_ = solver.take_steps(x, phi, solver.optimizer.init(phi), scale, 5)
    torch.testing.assert_close(end, path[-1])
    wanted = sum(
        (exact_gradient(solver, x, after) * (after - before)).sum(1)
        for before, after in itertools.pairwise(path[:-1])  # without the last step
    )
    torch.testing.assert_close(gain, wanted)


def test_over_small_steps_the_gain_is_the_rise_of_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    quadrature(monkeypatch)
    solver, x = solver_and_points(k=4)
    solver.optimizer = PlainAscent(rate=1e-4)
    phi = 0.3 * torch.randn(6, 4)
    state, scale = solver.optimizer.init(phi), torch.ones(6, 1)
    _, _, gain, *_ = solver.take_steps(x, phi, state, scale, 51)
    end, *_ = solver.take_steps(x, phi, state, scale, 50)  # without the last step
    model = solver.bound.model
    improvement = (exact_elbo(model, x, end) - exact_elbo(model, x, phi)).detach()
    assert improvement.min() > 1e-3
    torch.testing.assert_close(gain, improvement, rtol=0.02, atol=0)


@pytest.mark.parametrize("optimizer", ["natural", "adam"])
def test_a_point_that_is_said_to_have_converged_is_near_its_optimum(optimizer: str) -> None:
    """From the prior, with the estimator of held-out points: noise neither stops a point nor passes for convergence."""
    solver, x = solver_and_points(
        k=2,
        points=200,
        estimator="doubly_reparam",
        optimizer=node(f"local/optimizer/{optimizer}"),
    )
    phi, model = torch.zeros(200, 4), solver.bound.model
    solution = solver(x, phi, solver.optimizer.init(phi), max_steps=500)
    with torch.no_grad():
        best = model.exact_log_prob(x) - model.diagonal_gap()
        before, after = best - exact_elbo(model, x, phi), best - exact_elbo(model, x, solution.phi)
    assert before.mean() > 10
    assert solution.converged.float().mean() > 0.9
    assert after[solution.converged].mean() < 0.1


def test_a_caller_may_ask_for_fewer_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOSS", -1e9)  # every window counts as a loss
    solver, x = solver_and_points(window=5, tolerance=0.0, cuts=3)
    phi = torch.zeros(6, 4)
    for cuts, windows in ((None, 4), (0, 1), (1, 2)):
        solution = solver(x, phi, solver.optimizer.init(phi), max_steps=100, cuts=cuts)
        assert (solution.steps == 5 * windows).all()
        assert not solution.converged.any()  # it left, which is not the same


def test_a_loss_divides_the_step_by_three(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOSS", -1e9)  # every window counts as a loss
    adam = node("local/optimizer/adam", learning_rate=0.1)
    solver, x = solver_and_points(window=2, tolerance=0.0, cuts=1, optimizer=adam)

    def linear(q: Any, *_: object) -> Estimate:
        """A bound along which every one of Adam's steps has the same length."""
        value = q.mu.sum(1) + 0 * q.log_sigma.sum(1)
        return Estimate(value.detach(), value, value.detach(), value.detach(), value.new_zeros(()))

    monkeypatch.setattr(solver.bound.estimator, "phi_surrogate", lambda q, *_: linear(q).surrogate)
    phi = torch.zeros(6, 4)
    once = solver(x, phi, solver.optimizer.init(phi), max_steps=2).phi - phi
    twice = solver(x, phi, solver.optimizer.init(phi), max_steps=4).phi - phi
    torch.testing.assert_close(twice, once * (1 + 1 / 3))


@pytest.mark.parametrize(("key", "value"), [("window", 1), ("cuts", -1)])
def test_what_is_no_number_of_steps_is_refused(key: str, value: int) -> None:
    with pytest.raises(UserError, match=f"local.{key}"):
        solver_and_points(**{key: value})

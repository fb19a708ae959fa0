"""Limited-memory BFGS over rows: exact on quadratics, fast on the linear-Gaussian model, guarded against noise."""

import pytest
import torch

from tests.law.test_local import distance, problem, start
from tests.problems import node, quadrature
from vaerun.errors import UserError
from vaerun.experiment.make import make
from vaerun.local.optimizer.lbfgs import LocalLBFGS, RowLBFGSState, direction, remember

pytestmark = pytest.mark.usefixtures("exact")


def lbfgs(**keys: float) -> LocalLBFGS:
    return make(node("local/optimizer/lbfgs", **keys), {})


def test_the_two_loops_are_the_bfgs_formula() -> None:
    """B⁻¹ ← (1 − ρ s yᵀ) B⁻¹ (1 − ρ y sᵀ) + ρ s sᵀ, pair by pair, each row its own."""
    A = torch.randn(2, 4, 4)
    A = A @ A.mT + torch.eye(4)
    s = torch.randn(2, 3, 4)
    y, gradient = s @ A, torch.randn(2, 4)
    for row in range(2):
        newest_s, newest_y = s[row, -1], y[row, -1]
        inverse = torch.eye(4) * (newest_s @ newest_y) / (newest_y @ newest_y)
        for step, change in zip(s[row], y[row], strict=True):
            rho = 1 / (step @ change)
            left = torch.eye(4) - rho * torch.outer(step, change)
            inverse = left @ inverse @ left.T + rho * torch.outer(step, step)
        torch.testing.assert_close(direction(gradient, s, y)[row], inverse @ gradient[row])


def test_a_row_without_pairs_follows_its_gradient() -> None:
    optimizer, gradient = lbfgs(), 0.1 * torch.randn(3, 4)
    step, _ = optimizer.update(gradient, optimizer.init(torch.zeros(3, 4)), torch.ones(3, 4))
    torch.testing.assert_close(step, gradient)


def test_a_pair_against_concavity_is_damped_and_the_direction_stays_uphill() -> None:
    state, gradients = lbfgs().init(torch.zeros(50, 4)), torch.randn(30, 50, 4)
    optimizer = lbfgs()
    for gradient in gradients:  # nothing but noise
        step, state = optimizer.update(gradient, state, torch.ones_like(gradient))
        assert ((step * gradient).sum(1) > 0).all()
        assert (step.norm(dim=1) <= 1 + 1e-12).all()
        assert ((state.s * state.y).sum(-1) >= 0).all()


def test_damping_keeps_a_fifth_of_the_expected_curvature() -> None:
    s, y = torch.randn(1, 1, 3), torch.zeros(1, 1, 3)
    y = 2 * s  # B = 2
    state = RowLBFGSState(torch.tensor([[1.0, 0, 0]]), torch.tensor([[0.0, 0, 0]]), s, y)
    s_new, y_new = remember(state, torch.tensor([[5.0, 0, 0]]))  # the gradient grew along the step: convex
    torch.testing.assert_close((s_new * y_new).sum(), torch.tensor(0.2 * 2.0))


def test_without_noise_it_needs_far_fewer_steps_than_adam(monkeypatch: pytest.MonkeyPatch) -> None:
    quadrature(monkeypatch)
    model, bound, x = problem()
    steps = {}
    for name in ("adam", "lbfgs"):
        solver = make(node("local/solver", optimizer=node(f"local/optimizer/{name}")), {"bound": bound})
        phi, state = start(solver, x)
        for step in range(1, 1000):
            phi, state = solver.step(x, phi, state)
            if distance(model, x, phi).max() < 1e-3:
                steps[name] = step
                break
    assert 4 * steps["lbfgs"] < steps["adam"]
    assert steps["lbfgs"] < 40


def test_a_step_that_was_cut_is_remembered_as_it_was_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    quadrature(monkeypatch)
    _, bound, x = problem()
    solver = make(node("local/solver", optimizer=node("local/optimizer/lbfgs")), {"bound": bound})
    phi, state = start(solver, x)
    end, after, *_ = solver.take_steps(x, phi, state, torch.full((8, 1), 0.1), 1)
    torch.testing.assert_close(after.moved, end - phi)


@pytest.mark.parametrize("key", [{"learning_rate": 0.0}, {"history": 0}, {"max_step": 0.0}])
def test_what_cannot_be_is_refused(key: dict[str, float]) -> None:
    with pytest.raises(UserError, match=next(iter(key))):
        lbfgs(**key)

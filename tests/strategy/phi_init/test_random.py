"""A new point starts at the best of several ascents."""

import pytest
import torch
from torch import Tensor

from tests.problems import exact_elbo, linear_strategy, node, simulated
from vaerun.errors import UserError
from vaerun.local.solver import LocalSolver
from vaerun.notation import Batch

pytestmark = pytest.mark.usefixtures("exact")


def test_a_new_point_gets_the_candidate_of_the_highest_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Candidates are what the solver returns: here given, and none of them solved."""
    x, rows = simulated(6), torch.arange(6)
    strategy = linear_strategy("coordinate", x, nested={"phi_init": "random"})
    given = torch.randn(5, 6, 4)
    solutions = iter(given)
    solve = LocalSolver.__call__

    def solved(solver: LocalSolver, *arguments: Tensor, max_steps: int) -> object:
        return solve(solver, *arguments, max_steps=1)._replace(phi=next(solutions))

    monkeypatch.setattr(LocalSolver, "__call__", solved)
    strategy.phi_init.num_samples = 20_000
    start = strategy.begin(Batch(rows, x))
    with torch.no_grad():
        elbo = torch.stack([exact_elbo(strategy.bound.model, x, phi) for phi in given])
    best = elbo.argmax(0)
    assert torch.equal(start.phi, given[best, rows])
    gain = start.diagnostics["restart_gain"]
    torch.testing.assert_close(gain, elbo.amax(0) - elbo[0], rtol=0.05, atol=0.05)


def test_only_new_points_are_solved_again() -> None:
    x, first = simulated(6), torch.tensor([0, 4])
    strategy = linear_strategy("coordinate", x, nested={"phi_init": "random"})
    strategy.step(Batch(first, x[first]))
    kept, cost = strategy.table("train").phi.clone(), strategy.decoder_evaluations
    start = strategy.begin(Batch(torch.arange(6), x))
    assert torch.equal(start.phi[first], kept[first])
    assert (start.diagnostics["restart_gain"][first] == 0).all()
    assert (start.phi[[1, 2, 3, 5]] != kept[[1, 2, 3, 5]]).all()
    assert strategy.decoder_evaluations > cost
    cost = strategy.decoder_evaluations
    strategy.begin(Batch(first, x[first]))
    assert strategy.decoder_evaluations == cost


def test_candidates_share_their_samples_and_a_second_look_has_others() -> None:
    x = simulated(6)
    start = linear_strategy("coordinate", x, nested={"phi_init": "random"}).phi_init
    phi = torch.randn(6, 4)
    once, again = start.bounds(x, [phi, phi]), start.bounds(x, [phi, phi])
    assert torch.equal(once[0], once[1])
    assert not torch.equal(once, again)


def test_where_all_ends_are_equal_luck_shows_no_gain(monkeypatch: pytest.MonkeyPatch) -> None:
    """The best of equal candidates has no gain on new samples; on the samples of the selection it would have one."""
    x = simulated(200)
    strategy = linear_strategy("coordinate", x, nested={"phi_init": "random"}, k=1)
    strategy.phi_init.num_samples = 1
    bounds = strategy.phi_init.bounds
    seen = []

    def independent(points: Tensor, candidates: list[Tensor]) -> Tensor:
        seen.append(torch.cat([bounds(points, [phi.new_zeros(phi.shape)]) for phi in candidates]))
        return seen[-1]

    monkeypatch.setattr(strategy.phi_init, "bounds", independent)
    gain = strategy.begin(Batch(torch.arange(200), x)).diagnostics["restart_gain"]
    lucky = seen[0].amax(0) - seen[0][0]
    assert abs(gain.mean()) < 4 * gain.std() / 200**0.5
    assert lucky.mean() > 4 * gain.std() / 200**0.5


@pytest.mark.parametrize("key", [{"restarts": 0}, {"steps": 0}, {"num_samples": 0}, {"scale": 0.0}])
def test_what_cannot_be_is_refused(key: dict[str, float]) -> None:
    with pytest.raises(UserError, match=f"strategy.phi_init.{next(iter(key))}"):
        linear_strategy("coordinate", simulated(6), phi_init=node("strategy/phi_init/random", **key))

"""φ_i from a table: what holds for every strategy that keeps one φ for every point."""

from collections.abc import Callable, Iterable

import pytest
import torch
from torch import Tensor, nn

from tests.problems import (
    PlainAscent,
    class_of,
    exact_elbo,
    linear_strategy,
    optimal_phi,
    options,
    quadrature,
    simulated,
)
from vaerun.notation import Batch
from vaerun.strategy import per_point

PER_POINT = [name for name in options("strategy") if class_of(f"strategy/{name}").per_point]

pytestmark = [pytest.mark.usefixtures("exact"), pytest.mark.parametrize("name", PER_POINT)]


def still(weights: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """θ stays where it is."""
    return torch.optim.SGD(weights, lr=0.0)


def test_points_outside_the_batch_keep_their_phi_to_the_bit(name: str) -> None:
    x, batch = simulated(10), torch.tensor([7, 2, 3])
    strategy = linear_strategy(name, x)
    strategy.step(Batch(torch.arange(10), x))
    table = strategy.table("train")
    before = {key: value.clone() for key, value in table.state_dict().items()}
    strategy.step(Batch(batch, x[batch]))
    others = [row for row in range(10) if row not in batch]
    for key, value in table.state_dict().items():
        assert torch.equal(value[others], before[key][others]), key
        assert key in ("visited", "memory") or not (value[batch] == before[key][batch]).all(), key
    assert table.state_dict().keys() == strategy.table("valid").state_dict().keys()
    assert (strategy.table("valid").phi == strategy.initial).all()


def test_a_rows_step_does_not_depend_on_who_shares_its_batch(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """θ held: eight points in one batch move as in two of four, along the gradient of a sum, not of a mean."""
    quadrature(monkeypatch)
    x = simulated(8)

    def tables(batches: tuple[Tensor, ...], rows: Callable[[], PlainAscent] | None) -> Tensor:
        torch.manual_seed(0)
        held = linear_strategy(name, x, optimizer=still, rows=rows() if rows else None)
        for index in batches:
            held.step(Batch(index, x[index]))
        return held.table("train").phi

    for rows in (None, lambda: PlainAscent(rate=1e-3)):
        together = tables((torch.arange(8),), rows)
        apart = tables(tuple(torch.arange(8).split(4)), rows)
        assert (together != 0).all()
        torch.testing.assert_close(together, apart, rtol=0, atol=1e-12)


@torch.no_grad()
def test_held_out_points_end_at_the_best_q_however_noisy_training_is(name: str) -> None:
    x = simulated(200)
    strategy = linear_strategy(name, x, k=1)
    model = strategy.bound.model
    model.W.copy_(torch.randn(6, 2))
    best = exact_elbo(model, x, optimal_phi(model, x))
    inference = strategy.infer(x)
    assert inference.diagnostics["inner_converged"].all()
    assert (best - exact_elbo(model, x, inference.phi)).mean() < 0.005


@torch.no_grad()
def test_held_out_points_go_on_from_their_last_evaluation(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    quadrature(monkeypatch)
    x = simulated(10)
    monkeypatch.setattr(per_point, "SAMPLES", 4)  # the noises of the quadrature
    strategy = linear_strategy(name, x, test_steps=30)
    valid, rows = x[:7], torch.arange(7)
    model = strategy.bound.model
    strategy.held_out_solver.tolerance = -1e9
    first = strategy.infer(valid, rows, "valid")
    assert (strategy.table("valid").phi == strategy.initial).all()  # inference stores nothing
    first = strategy.infer_and_store(valid, rows, "valid")
    assert torch.equal(strategy.table("valid").phi, first.phi)
    assert (strategy.table("valid").phi != strategy.initial).all()
    again = strategy.infer_and_store(valid, rows, "valid")
    assert (exact_elbo(model, valid, again.phi) > exact_elbo(model, valid, first.phi)).all()
    assert (again.diagnostics["inner_steps"] == 30).all()
    assert torch.equal(strategy.infer(valid).phi, first.phi)  # new points start near the prior
    assert torch.equal(strategy.table("valid").phi, again.phi)
    assert torch.equal(strategy.infer(x, torch.arange(10), "train").phi, strategy.table("train").phi)

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
from vaerun.trainer.validation import Validation

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
    strategy.held_out_solver.tolerance = 0.0
    monkeypatch.setattr(per_point, "NEAR", 0.0)
    first = strategy.infer(valid, rows, "valid")
    assert (strategy.table("valid").phi == strategy.initial).all()  # inference stores nothing
    first = strategy.infer_and_store(valid, rows, "valid")
    assert torch.equal(strategy.table("valid").phi, first.phi)
    assert torch.equal(strategy.current(valid, rows), first.phi)
    assert (strategy.table("valid").phi != strategy.initial).all()
    again = strategy.infer_and_store(valid, rows, "valid")
    assert (exact_elbo(model, valid, again.phi) > exact_elbo(model, valid, first.phi)).all()
    assert (again.diagnostics["inner_steps"] == 30).all()
    assert torch.equal(strategy.infer(valid).phi, first.phi)  # new points start near the prior
    assert torch.equal(strategy.table("valid").phi, again.phi)
    assert torch.equal(strategy.infer(x, torch.arange(10), "train").phi, strategy.table("train").phi)


@torch.no_grad()
def test_validation_ends_within_its_share_of_the_error_of_the_mean_and_inference_goes_on(name: str) -> None:
    x = simulated(400)
    strategy = linear_strategy(name, x, valid=len(x), test_steps=400)
    strategy.held_out_solver.tolerance = 0.001  # complete ascents take many more steps than those of a validation
    model, rows = strategy.bound.model, torch.arange(len(x))
    model.W.copy_(2 * torch.randn(6, 2))
    first = strategy.infer_and_store(x, rows, "valid")  # complete, because no φ is stored
    model.W.add_(torch.randn(6, 2))
    best = exact_elbo(model, x, optimal_phi(model, x))
    before = (best - exact_elbo(model, x, first.phi)).mean()
    complete = strategy.infer(x, rows, "valid")
    second = strategy.infer_and_store(x, rows, "valid")
    below = best - exact_elbo(model, x, second.phi)
    error = exact_elbo(model, x, second.phi).std() / len(x) ** 0.5
    assert (below > 0).all()  # a bound at any φ
    assert below.mean() < second.diagnostics["gain_left"].mean() < 1.2 * per_point.NEAR * error < 0.3 * before
    assert second.diagnostics["inner_steps"].max() < complete.diagnostics["inner_steps"].max()
    assert (best - exact_elbo(model, x, complete.phi)).mean() < below.mean()


def test_validations_leave_the_steps_of_training_between_them(name: str) -> None:
    strategy = linear_strategy(name, simulated(10))
    gradients = strategy.gradients_per_step()
    assert Validation().interval(strategy, 120) == 1
    for steps in (1, 2, 12, 50):
        epochs = Validation().interval(strategy, steps)
        assert epochs * steps * gradients >= 120 > (epochs - 1) * steps * gradients
        for period in (1, 3, 7, 60):
            made = Validation(evaluation_every=period).interval(strategy, steps)
            assert period % made == 0
            assert made <= epochs
    assert Validation(every=3).interval(strategy, 1) == 3


@torch.no_grad()
def test_phi_is_current_from_a_validation_to_the_next_step_and_otherwise_inferred(name: str) -> None:
    x = simulated(10)
    strategy = linear_strategy(name, x)
    rows = torch.arange(7)
    stored = strategy.infer_and_store(x[:4], rows[:4], "valid").phi
    torch.manual_seed(0)
    found = strategy.current(x[:7], rows)
    torch.manual_seed(0)
    assert torch.equal(found, torch.cat((stored, strategy.infer(x[4:7]).phi)))
    with torch.enable_grad():
        strategy.step(Batch(rows[:3], x[:3]))
    torch.manual_seed(0)
    found = strategy.current(x, torch.arange(100, 110))  # places of other points than the table has
    torch.manual_seed(0)
    assert torch.equal(found, strategy.infer(x).phi)

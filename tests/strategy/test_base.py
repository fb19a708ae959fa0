"""What all strategies report about their weights."""

import pytest
import torch

from tests.problems import linear_strategy, options, plain_ascent, simulated
from vaerun.notation import Batch

pytestmark = pytest.mark.usefixtures("exact")


@pytest.mark.parametrize("name", options("strategy"))
def test_gradient_norms_are_those_of_the_last_step_of_each_group(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    x = simulated(6)
    strategy = linear_strategy(name, x, optimizer=plain_ascent)
    moves: dict[str, float] = {}
    step = strategy.optimizer.step

    def watched() -> None:
        groups = {"theta": strategy.theta, "lam": strategy.lam}
        before = {group: [weight.detach().clone() for weight in weights] for group, weights in groups.items()}
        step()
        for group, weights in groups.items():
            squares = sum(float((w.detach() - b).square().sum()) for w, b in zip(weights, before[group], strict=True))
            moves.update({group: squares**0.5} if squares else {})

    monkeypatch.setattr(strategy.optimizer, "step", watched)
    strategy.step(Batch(torch.arange(6), x))
    assert {group: float(norm) for group, norm in strategy.gradient_norms().items()} == pytest.approx(moves)


def test_a_subset_moves_alone_and_the_others_keep_their_gradients() -> None:
    x = simulated(6)
    strategy = linear_strategy("amortized", x)
    strategy.gradient_step(strategy.shared, x)
    held = [(weight, weight.detach().clone(), weight.grad.clone()) for weight in strategy.theta]
    before = [weight.detach().clone() for weight in strategy.lam]
    strategy.gradient_step(strategy.shared, x, weights=strategy.lam)
    for weight, value, gradient in held:
        assert torch.equal(weight, value)
        assert torch.equal(weight.grad, gradient)
    assert not any(torch.equal(weight, old) for weight, old in zip(strategy.lam, before, strict=True))
    counts = [strategy.optimizer.state[group[0]]["step"] for group in (strategy.theta, strategy.lam)]
    assert [int(count) for count in counts] == [1, 2]


@pytest.mark.parametrize("name", options("strategy"))
def test_parameters_are_counted_by_letter(name: str) -> None:
    strategy = linear_strategy(name, simulated(9))
    counts = strategy.num_parameters()
    assert counts["theta"] == sum(w.numel() for w in strategy.bound.model.parameters())
    assert counts["theta"] + counts["lam"] == sum(w.numel() for w in strategy.parameters())
    assert counts["phi"] == (9 * 4 if strategy.per_point else 0)


def test_the_estimators_own_loss_is_added_to_theirs() -> None:
    x = simulated(6)
    strategy = linear_strategy("amortized", x, optimizer=plain_ascent)
    estimate = strategy.shared(x)
    W = strategy.bound.model.W
    before = W.detach().clone()
    (d_W,) = torch.autograd.grad(estimate.surrogate.mean(), W, retain_graph=True)
    strategy.backward_step(estimate._replace(auxiliary=3 * W.sum()))
    torch.testing.assert_close(W.detach() - before, d_W - 3)

"""b = the bias-corrected exponential average of the credits of earlier steps."""

import pytest
import torch
from torch import Tensor

from tests.problems import node, objective
from vaerun.errors import UserError
from vaerun.estimator.baseline.moving_average import MovingAverage
from vaerun.experiment.make import make

pytestmark = pytest.mark.usefixtures("exact")

J = "elbo"
X = torch.zeros(3, 1)
Q, Z = make(node("posterior/bernoulli"), {"latent_dim": 2})(torch.zeros(3, 2)), torch.zeros(2, 3, 2)  # not read


def moving_average(decay: float) -> MovingAverage:
    return make(node("estimator/baseline/moving_average", decay=decay), {})


def rewards(steps: int) -> Tensor:
    return 5 + torch.randn(steps, 2, 3)


@pytest.mark.parametrize("name", ["elbo", "iwae"])
@pytest.mark.parametrize("decay", [0.0, 0.5, 0.99])
def test_it_is_the_weighted_mean_of_the_earlier_credits(name: str, decay: float) -> None:
    baseline, objective_, history = moving_average(decay), objective(name, 2), rewards(6)
    credits_ = [float(objective_.credit(r).mean()) for r in history]
    for t, r in enumerate(history):
        b = float(baseline(r, objective_, X, Q, Z))
        weights = [decay ** (t - 1 - s) for s in range(t)]
        wanted = sum(w * c for w, c in zip(weights, credits_[:t], strict=True)) / sum(weights) if t else 0.0
        assert b == pytest.approx(wanted, rel=1e-12)


def test_the_present_samples_do_not_enter() -> None:
    one, other, history = moving_average(0.9), moving_average(0.9), rewards(4)
    for r in history[:3]:
        one(r, objective(J, 2), X, Q, Z)
        other(r, objective(J, 2), X, Q, Z)
    assert torch.equal(one(history[3], objective(J, 2), X, Q, Z), other(-100 * history[3], objective(J, 2), X, Q, Z))
    assert not torch.equal(one(history[3], objective(J, 2), X, Q, Z), other(history[3], objective(J, 2), X, Q, Z))


def test_evaluation_leaves_it_as_it_was() -> None:
    baseline, history = moving_average(0.9), rewards(4)
    for r in history[:3]:
        baseline(r, objective(J, 2), X, Q, Z)
    before = {name: value.clone() for name, value in baseline.state_dict().items()}
    baseline.eval()
    b = baseline(history[3], objective(J, 2), X, Q, Z)
    assert all(torch.equal(before[name], value) for name, value in baseline.state_dict().items())
    baseline.train()
    assert torch.equal(b, baseline(history[3], objective(J, 2), X, Q, Z))
    assert not torch.equal(before["average.total"], baseline.average.total)


def test_a_checkpoint_holds_it() -> None:
    baseline, fresh, history = moving_average(0.9), moving_average(0.9), rewards(4)
    for r in history[:3]:
        baseline(r, objective(J, 2), X, Q, Z)
    fresh.load_state_dict(baseline.state_dict())
    assert torch.equal(baseline(history[3], objective(J, 2), X, Q, Z), fresh(history[3], objective(J, 2), X, Q, Z))


@pytest.mark.parametrize("decay", [-0.1, 1.0, 1.5])
def test_a_decay_outside_0_1_is_refused(decay: float) -> None:
    with pytest.raises(UserError, match="decay"):
        moving_average(decay)

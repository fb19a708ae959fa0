"""Many steps of λ before each step of θ, while the mutual information increases."""

import math

import pytest
import torch

from tests.problems import count_decoded, linear_strategy, node, simulated
from vaerun.errors import UserError
from vaerun.experiment.make import make
from vaerun.notation import Batch
from vaerun.strategy import aggressive
from vaerun.strategy.aggressive import mutual_information

pytestmark = pytest.mark.usefixtures("exact")


def information_of(*informations: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutual information takes these values in turn."""
    values = iter(informations)
    monkeypatch.setattr(aggressive, "mutual_information", lambda q, k: torch.tensor(next(values)))


def test_lambda_stops_at_the_first_window_that_does_not_rise(monkeypatch: pytest.MonkeyPatch) -> None:
    x = simulated(6)
    for bounds, inner in (([1, 2, 3, 3], 8), ([1, 0], 4), (range(20), 10)):
        strategy = linear_strategy("aggressive", x, window=2, max_inner=10)
        values, lam_step = iter([v for v in bounds for _ in range(2)]), strategy.lam_step
        monkeypatch.setattr(
            strategy,
            "lam_step",
            lambda batch, step=lam_step, of=values: step(batch)._replace(value=torch.full((6,), float(next(of)))),
        )
        decoded = count_decoded(strategy.bound.model, monkeypatch)
        estimate = strategy.step(Batch(torch.arange(6), x))
        assert float(estimate.diagnostics["inner_steps"]) == inner
        assert sum(decoded) == strategy.decoder_evaluations == (inner + 1) * 6 * 4
        assert strategy.encoder_evaluations == (inner + 2) * 6


def test_it_goes_on_in_sync_from_the_epoch_whose_information_falls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three steps an epoch: it is the epoch's mean that counts."""
    x = simulated(12)
    strategy = linear_strategy("aggressive", x, window=1, max_inner=1)
    information_of(1, 1, 1, 3, 0, 1, 0.5, 0.5, 0.5, monkeypatch=monkeypatch)
    phases = []
    for epoch in range(4):
        for rows in torch.arange(12).split(4):
            before = strategy.encoder_evaluations
            strategy.step(Batch(rows, x[rows]))
            phases.append((epoch, (strategy.encoder_evaluations - before) // 4))
    assert phases == [(epoch, 3 if epoch < 3 else 1) for epoch in range(4) for _ in range(3)]
    assert not strategy.aggressive


def test_a_checkpoint_holds_the_phase(monkeypatch: pytest.MonkeyPatch) -> None:
    x = simulated(12)
    one = linear_strategy("aggressive", x, window=1, max_inner=1)
    information_of(2, 2, 2, 1, 1, 1, monkeypatch=monkeypatch)
    for _ in range(2):
        for rows in torch.arange(12).split(4)[:2]:
            one.step(Batch(rows, x[rows]))
    other = linear_strategy("aggressive", x, window=1, max_inner=1)
    other.load_state_dict(one.state_dict())
    for rows in torch.arange(12).split(4)[:2]:
        other.step(Batch(rows, x[rows]))
    assert not other.aggressive  # 2, 2, 2 and then 1, 1, 1
    third = linear_strategy("aggressive", x, window=1, max_inner=1)
    third.load_state_dict(other.state_dict())
    third.step(Batch(torch.arange(4), x[:4]))
    assert third.encoder_evaluations == 4


def test_a_checkpoint_takes_the_place_of_what_the_same_object_has_done_since(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the last steps of a training that diverged are repeated."""
    x = simulated(12)
    information_of(2, 2, 2, 1, 1, 1, 1, 1, monkeypatch=monkeypatch)
    batches = [Batch(rows, x[rows]) for rows in torch.arange(12).split(4)]
    strategy = linear_strategy("aggressive", x, window=1, max_inner=1)
    for batch in [*batches, batches[0]]:
        strategy.step(batch)
    saved = {name: tensor.clone() for name, tensor in strategy.state_dict().items()}
    for batch in batches[1:]:
        strategy.step(batch)
    assert not strategy.aggressive
    strategy.load_state_dict(saved)
    before = strategy.encoder_evaluations
    strategy.step(batches[1])
    assert strategy.encoder_evaluations - before == 3 * 4  # information, a step of λ, and φ for the step of θ


def test_mutual_information_of_one_q_for_all_is_nothing_and_of_far_ones_log_b() -> None:
    family = make(node("posterior/gaussian"), {"latent_dim": 2})
    assert mutual_information(family(torch.zeros(7, 4)), 5).abs() < 1e-12
    phi = torch.zeros(7, 4)
    phi[:, 0] = 100 * torch.arange(7)
    torch.testing.assert_close(mutual_information(family(phi), 5), torch.tensor(math.log(7)))


def test_mutual_information_of_bits_is_that_of_a_sum_over_all() -> None:
    family = make(node("posterior/bernoulli"), {"latent_dim": 2})
    phi = torch.tensor([[2.0, -1.0], [-0.5, 0.3], [0.0, 3.0]])
    z = torch.cartesian_prod(torch.tensor([0.0, 1.0]), torch.tensor([0.0, 1.0])).unsqueeze(1)
    log_q = family(phi).log_prob(z.expand(-1, 3, -1))  # [z, i]
    p = log_q.exp()
    wanted = (p * (log_q - p.mean(1, keepdim=True).log())).sum(0).mean()
    torch.manual_seed(0)
    estimate = mutual_information(family(phi), 100_000)
    assert abs(float(estimate - wanted)) < 0.01


@pytest.mark.parametrize("keys", [{"window": 0}, {"max_inner": 0}])
def test_no_steps_are_refused(keys: dict[str, int]) -> None:
    with pytest.raises(UserError, match=next(iter(keys))):
        linear_strategy("aggressive", simulated(6), **keys)

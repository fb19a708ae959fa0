"""Where a point's ascent starts: the laws that hold for every start of every strategy with a φ for each point."""

import pytest
import torch

from tests.problems import count_decoded, count_encoded, exact_elbo, linear_strategy, options, simulated
from vaerun.notation import Batch

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("exact"),
    pytest.mark.parametrize("name", ["coordinate", "joint"]),
    pytest.mark.parametrize("start", options("strategy/phi_init")),
]


def test_visits_are_counted_and_repeat_to_the_bit(name: str, start: str, monkeypatch: pytest.MonkeyPatch) -> None:
    x, ends = simulated(12), []
    for _ in range(2):
        torch.manual_seed(0)
        strategy = linear_strategy(name, x, k=3, nested={"phi_init": start})
        decoded, encoded = count_decoded(strategy.bound.model, monkeypatch), count_encoded(strategy)
        for rows in torch.arange(12).split(4) * 2:
            strategy.step(Batch(rows, x[rows]))
        assert strategy.decoder_evaluations == sum(decoded) > 0
        assert strategy.encoder_evaluations == sum(encoded)
        ends.append([*strategy.state_dict().values(), strategy.infer(x[:5]).phi])
    assert all(torch.equal(a, b) for a, b in zip(*ends, strict=True))


@torch.no_grad()
def test_a_held_out_point_is_solved_wherever_it_starts(name: str, start: str) -> None:
    x = simulated(12)
    strategy = linear_strategy(name, x, nested={"phi_init": start}, test_steps=200)
    model = strategy.bound.model
    phi = strategy.infer_and_store(x[:7], torch.arange(7), "valid").phi
    before = exact_elbo(model, x[:7], strategy.initial.expand(7, -1))
    assert exact_elbo(model, x[:7], phi).mean() > before.mean()
    assert torch.equal(strategy.table("valid").phi, phi)
    assert strategy.table("valid").visited.all()
    assert not strategy.table("train").visited.any()
    assert strategy.infer(x[:3]).phi.shape == (3, 4)

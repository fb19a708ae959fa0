"""(init, update): every row optimiser treats each row as if it were alone, and climbs."""

import pytest
import torch

from tests.problems import node, options
from vaerun.experiment.make import make
from vaerun.local.optimizer.base import LocalOptimizer, gather, scatter

pytestmark = pytest.mark.usefixtures("exact")


def optimizer(name: str) -> LocalOptimizer:
    return make(node(f"local/optimizer/{name}"), {})


@pytest.mark.parametrize("name", options("local/optimizer"))
def test_a_row_does_not_notice_who_shares_its_batch(name: str) -> None:
    rows, alone = optimizer(name), optimizer(name)
    state = rows.init(torch.zeros(8, 3))
    halves = [alone.init(torch.zeros(4, 3)), alone.init(torch.zeros(4, 3))]
    for _ in range(4):
        gradient = torch.randn(8, 3)
        step, state = rows.update(gradient, state, torch.ones(8, 3))
        for i, part in enumerate(gradient.split(4)):
            half_step, halves[i] = alone.update(part, halves[i], torch.ones(4, 3))
            assert torch.equal(step[4 * i : 4 * i + 4], half_step)
    for field, one, other in zip(state, *halves, strict=True):
        assert torch.equal(field, torch.cat((one, other)))


@pytest.mark.parametrize("name", options("local/optimizer"))
def test_states_are_gathered_and_scattered_by_row(name: str) -> None:
    rows = optimizer(name)
    _, state = rows.update(torch.randn(5, 3), rows.init(torch.zeros(5, 3)), torch.ones(5, 3))
    before, index = [field.clone() for field in state], torch.tensor([3, 1])
    some = gather(state, index)
    _, moved = rows.update(torch.randn(2, 3), some, torch.ones(2, 3))
    scatter(state, index, moved)
    for field, old, new in zip(state, before, moved, strict=True):
        assert len(field) == 5
        assert torch.equal(field[[0, 2, 4]], old[[0, 2, 4]])
        assert torch.equal(field[[3, 1]], new)


@pytest.mark.parametrize("name", options("local/optimizer"))
def test_its_steps_lead_uphill(name: str) -> None:
    rows, top = optimizer(name), torch.tensor([[1.0, -2.0, 0.0]])
    phi = torch.zeros(1, 3)
    state = rows.init(phi)
    for _ in range(500):
        step, state = rows.update(2 * (top - phi), state, torch.ones(1, 3))
        phi = phi + step
    assert (phi - top).abs().max() < 0.05

"""Φ [N, P]: a row changes only when it is written."""

import pytest
import torch

from tests.problems import node
from vaerun.execution import parallel
from vaerun.execution.parallel import World
from vaerun.experiment.make import make
from vaerun.local.phi_table import PhiTable

pytestmark = pytest.mark.usefixtures("seeded")


def table(n: int = 6) -> PhiTable:
    made = PhiTable(num_points=n, initial=torch.tensor([0.5, -1.0]), optimizer=make(node("local/optimizer/adam"), {}))
    with torch.no_grad():
        made.phi += torch.randn(n, 2)
        made.m += torch.randn(n, 2)
        made.v += torch.rand(n, 2)
        made.count += torch.arange(n, dtype=torch.int32).unsqueeze(1)
    return made


def test_every_row_starts_at_the_initial_phi() -> None:
    fresh = PhiTable(num_points=3, initial=torch.tensor([0.5, -1.0]), optimizer=make(node("local/optimizer/adam"), {}))
    assert fresh.phi.tolist() == [[0.5, -1.0]] * 3
    assert all(field.abs().sum() == 0 and len(field) == 3 for field in fresh.state)


def test_rows_that_are_not_written_stay_to_the_bit() -> None:
    phi_table, index = table(), torch.tensor([4, 1])
    before = {name: field.clone() for name, field in phi_table.state_dict().items()}
    phi, state = phi_table.read(index)
    phi_table.write(index, phi + 1, type(state)(*(field + 1 for field in state)))
    after = phi_table.state_dict()
    assert set(after) == {"phi", "m", "v", "count", "visited"}
    assert after.pop("visited").tolist() == [False, True, False, False, True, False]
    for name, field in after.items():
        assert torch.equal(field[[0, 2, 3, 5]], before[name][[0, 2, 3, 5]]), name
        assert torch.equal(field[[4, 1]], before[name][[4, 1]] + 1), name


def test_what_is_read_is_a_copy() -> None:
    phi_table = table()
    before = {name: field.clone() for name, field in phi_table.state_dict().items()}
    phi, state = phi_table.read(torch.tensor([2]))
    phi += 1
    for field in state:
        field += 1
    assert all(torch.equal(before[name], field) for name, field in phi_table.state_dict().items())


def test_the_rows_are_no_shared_weights() -> None:
    assert list(table().parameters()) == []


def test_a_process_stores_the_rows_of_its_own_points_only() -> None:
    with parallel.one_of(World(1, 2)):
        own = PhiTable(num_points=5, initial=torch.zeros(2), optimizer=make(node("local/optimizer/adam"), {}))
    assert len(own.phi) == len(own.m) == len(own.visited) == 3  # points 2, 3, 4
    index = torch.tensor([4, 2])
    _, state = own.read(index)
    own.write(index, torch.tensor([[4.0, 4.0], [2.0, 2.0]]), type(state)(*(field + 1 for field in state)))
    assert own.phi.tolist() == [[2.0, 2.0], [0.0, 0.0], [4.0, 4.0]]
    asked = torch.tensor([0, 4, 3, 2])
    phi, state = own.read(asked)
    assert phi[:, 0].tolist() == [0.0, 4.0, 0.0, 2.0]  # a point of another process reads as never written
    assert state.count.squeeze(1).tolist() == [0, 1, 0, 1]
    assert own.new(asked).tolist() == [True, False, True, False]

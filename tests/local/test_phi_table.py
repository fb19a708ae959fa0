"""Φ [N, P]: a row changes only when it is written."""

import pytest
import torch

from tests.problems import node
from vaerun.errors import UserError
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


@pytest.mark.parametrize("name", ["adam", "lbfgs", "natural", "sgd"])
def test_rows_in_a_mapped_file_are_those_in_memory(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vaerun.local.phi_table.CHUNK", 2)
    monkeypatch.setattr("vaerun.system.scratch.RESIDENT", 5000)  # so that pages are given back between the steps
    optimizer = make(node(f"local/optimizer/{name}"), {})
    ram, mapped = (
        PhiTable(num_points=7, initial=torch.tensor([0.5, -1.0]), optimizer=optimizer, memory=memory)
        for memory in ("ram", "map")
    )
    assert (ram.is_mapped, mapped.is_mapped) == (False, True)
    for index in (torch.tensor([4, 1]), torch.tensor([6, 0]), torch.tensor([1, 6])):
        gradient = torch.randn(2, 2)
        for own in (ram, mapped):
            phi, state = own.read(index)
            step, state = optimizer.update(gradient, state, torch.ones(2, 2))
            own.write(index, phi + step, state)
    assert mapped.state_dict().keys() == ram.state_dict().keys()
    for field, values in ram.state_dict().items():
        assert torch.equal(mapped.state_dict()[field], values), field
    assert ram.visited.tolist() == [True, True, False, False, True, False, True]


def test_auto_maps_what_takes_more_than_half_of_the_free_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    adam = make(node("local/optimizer/adam"), {})
    size = 7 * (3 * 2 * 4 + 4 + 1)  # φ, m and v of two numbers, a count, a bool
    for free, memory, expected in ((2 * size, "auto", False), (2 * size - 1, "auto", True), (size, "ram", False)):
        monkeypatch.setattr("vaerun.local.phi_table.free_memory", lambda free=free: free)
        assert PhiTable(num_points=7, initial=torch.zeros(2), optimizer=adam, memory=memory).is_mapped == expected
    monkeypatch.setattr("vaerun.local.phi_table.free_memory", lambda: size - 1)
    with pytest.raises(UserError, match=r"needs 203 bytes and 202 bytes are free: use execution\.phi_memory=map"):
        PhiTable(num_points=7, initial=torch.zeros(2), optimizer=adam, memory="ram")


def test_several_processes_keep_their_rows_in_memory() -> None:
    adam = make(node("local/optimizer/adam"), {})
    with parallel.one_of(World(1, 2)):
        with pytest.raises(UserError, match=r"needs the CPU and one process, got device cpu and 2 processes"):
            PhiTable(num_points=7, initial=torch.zeros(2), optimizer=adam, memory="map")
        assert not PhiTable(num_points=7, initial=torch.zeros(2), optimizer=adam).is_mapped

"""What a process takes from a checkpoint of as many processes, of more, or of fewer."""

from typing import Any

import torch
from torch import nn

from tests.problems import node
from vaerun.execution import parallel
from vaerun.execution.parallel import World
from vaerun.experiment.make import make
from vaerun.local.phi_table import PhiTable
from vaerun.trainer import shares


def state_of(*processes: int) -> dict[str, Any]:
    """The part of a checkpoint that differs between processes: each has drawn from a seed of its own."""
    held = []
    for seed in processes:
        sums = {"kl": torch.full((4,), float(seed)), "weight": torch.tensor(1.0)}
        held.append({"generators": {"cpu": generator(seed)}, "meter": {"steps": 2, "sums": sums}})
    many = {"processes": held} if len(held) > 1 else {}
    return {**held[0], "progress": {"step": 7}, **many}


def generator(seed: int) -> torch.Tensor:
    return torch.Generator().manual_seed(seed).get_state()


def test_as_many_processes_take_their_own_random_numbers() -> None:
    for rank, seed in ((0, 5), (1, 6)):
        with parallel.one_of(World(rank, 2)):
            assert torch.equal(shares.generators(state_of(5, 6), 0)["cpu"], generator(seed))
            assert shares.meter(state_of(5, 6))["sums"]["kl"].tolist() == [seed] * 4


def test_one_process_goes_on_with_the_first_numbers_and_the_mean_of_the_sums() -> None:
    assert torch.equal(shares.generators(state_of(5, 6), 0)["cpu"], generator(5))
    found = shares.meter(state_of(5, 6))
    assert found["steps"] == 2
    assert found["sums"]["kl"].tolist() == [5.5] * 8  # a batch of twice the points
    assert found["sums"]["weight"] == 1.0


def test_a_process_that_the_checkpoint_does_not_know_has_a_stream_that_depends_on_seed_and_step() -> None:
    state = state_of(5)
    with parallel.one_of(World(1, 2)):
        first = shares.generators(state, 0)["cpu"]
        assert torch.equal(first, shares.generators(state, 0)["cpu"])
        assert not torch.equal(first, shares.generators(state, 1)["cpu"])
        assert not torch.equal(first, shares.generators({**state, "progress": {"step": 8}}, 0)["cpu"])
        assert not torch.equal(first, generator(5))
        assert shares.meter(state)["sums"]["kl"].tolist() == [5.0] * 2
    with parallel.one_of(World(0, 2)):
        assert torch.equal(shares.generators(state, 0)["cpu"], generator(5))


def test_a_process_takes_its_own_rows() -> None:
    with parallel.one_of(World(1, 2)):
        table = PhiTable(num_points=5, initial=torch.zeros(2), optimizer=make(node("local/optimizer/adam"), {}))
        module = nn.ModuleDict({"phi_train": table})
        found = shares.own(module, {"phi_train.phi": torch.arange(10.0).view(5, 2), "theta": torch.ones(5)})
    assert found["phi_train.phi"].tolist() == [[4.0, 5.0], [6.0, 7.0], [8.0, 9.0]]
    assert len(found["theta"]) == 5

"""A checkpoint of several processes: Φ as a whole, and the random numbers and running means of each.

A checkpoint has the same tensors whatever the number of processes, so that any number can continue from it, and
evaluations and samples read it as ever.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from vaerun.execution import parallel
from vaerun.execution.random_state import generator_state
from vaerun.local.phi_table import PhiTable
from vaerun.trainer.running_means import RunningMeans


def tables(module: nn.Module) -> Iterator[tuple[str, PhiTable]]:
    """Every Φ of a module, with the beginning of the names of its tensors."""
    for name, part in module.named_modules():
        if isinstance(part, PhiTable):
            yield f"{name}.", part


def whole(module: nn.Module, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors with all rows of every Φ, on process 0; on the others with their own rows."""
    found = dict(tensors)
    if parallel.size() > 1:
        for start, table in tables(module):
            for name in (name for name in tensors if name.startswith(start)):
                found[name] = parallel.collect(tensors[name], table.num_points)
    return found


def own(module: nn.Module, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a checkpoint with the rows of this process only."""
    found = dict(tensors)
    if parallel.size() > 1:
        for start, table in tables(module):
            for name in (name for name in tensors if name.startswith(start)):
                if len(tensors[name]) == table.num_points:  # other numbers are refused with the other tensors
                    found[name] = tensors[name][table.own.start : table.own.stop]
    return found


def of_processes(means: RunningMeans, device: torch.device) -> dict[str, Any]:
    """Random numbers and running means of every process; nothing with one process, whose state is saved anyway."""
    if parallel.size() == 1:
        return {}
    held = parallel.gathered({"generators": generator_state(device), "meter": means.state_dict()})
    return {"processes": held}


def generators(state: Mapping[str, Any], seed: int) -> dict[str, Tensor]:
    """The states of the generators with which this process continues.

    They are those of the process with the same number; a process that the checkpoint has not known begins a stream
    that depends on seed, step and number.
    """
    held = state.get("processes", [state])
    if parallel.rank() < len(held):
        found: dict[str, Tensor] = held[parallel.rank()]["generators"]
        return found
    new = parallel.seed_of_rank(seed, state["progress"]["step"])
    return {name: seeded(name, new) for name in state["generators"]}


def seeded(name: str, seed: int) -> Tensor:
    """The state of a new generator on a type of device."""
    return torch.Generator(name).manual_seed(seed).get_state()


def meter(state: Mapping[str, Any]) -> dict[str, Any]:
    """The running means with which this process continues; another number of processes shares their sums equally."""
    held = [process["meter"] for process in state.get("processes", [state])]
    if len(held) == parallel.size():
        found: dict[str, Any] = held[parallel.rank()]
        return found
    shared = {}
    for name, values in held[0]["sums"].items():
        mean = torch.stack([one["sums"][name].mean() for one in held]).mean()
        count = len(held) * values.numel() // parallel.size()
        shared[name] = mean.expand(max(1, count)).clone() if values.dim() else mean
    return {"steps": held[0]["steps"], "sums": shared}

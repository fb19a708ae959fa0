"""The processes (ranks) of one run, and what they exchange. With one process, every function here returns at once.

torch.distributed is imported only if there are several processes. The gradients of vaerun's programs come from
``torch.autograd.grad``, so the hooks of DistributedDataParallel and FSDP2, which wait for ``backward``, would never be
called: ``average`` sends all gradients of a step as one vector instead.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from vaerun.errors import RunError
from vaerun.execution.random_state import isolated

T = TypeVar("T")
U = TypeVar("U")

LONG = timedelta(days=1)  # a process that has died is noticed by its closed connection, not by this limit


class LostProcessError(RunError):
    """Another process of the run has ended, so that an exchange with it failed."""


def no_reason() -> Exception:
    """The error where nothing is known about the process that has ended."""
    return LostProcessError("another process of the run has ended without a message")


@dataclass(frozen=True)
class World:
    """The place of this process among the processes of a run."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0  # among the processes on this machine
    local_size: int = 1
    reason: Callable[[], Exception] = no_reason  # the error to raise if another process has ended


_world = World()


def rank() -> int:
    """The number of this process, from 0; process 0 writes the run directory."""
    return _world.rank


def size() -> int:
    """R, the number of processes of this run."""
    return _world.size


def local_rank() -> int:
    """The number of this process among those of this run on this machine."""
    return _world.local_rank


def local_size() -> int:
    """The number of processes of this run on this machine."""
    return _world.local_size


@contextmanager
def one_of(world: World) -> Iterator[None]:
    """Inside, this process has the place ``world``."""
    global _world
    before, _world = _world, world
    try:
        yield
    finally:
        _world = before


@contextmanager
def group(store: Any, device: torch.device) -> Iterator[None]:
    """Inside, the processes can exchange tensors: by gloo on a CPU, by NCCL on CUDA devices.

    Args:
        store: the key-value store through which they find each other.
        device: of the tensors of this process.
    """
    import torch.distributed as dist

    if device.type == "cuda":
        torch.cuda.set_device(device)
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    if not dist.is_initialized():
        # torch counts the groups that a process begins, also those that fail, and looks for the other processes under
        # that number: without this, a process that has lost another one would wait for its next one for ever.
        dist.distributed_c10d._world.group_count = 0
    with _exchange():
        dist.init_process_group(backend, store=store, rank=rank(), world_size=size(), timeout=LONG)
    try:
        yield
    finally:
        dist.destroy_process_group()


def rows(count: int) -> range:
    """The points of a split of ``count`` that belong to this process: a block of the stored order, of 1/R of them."""
    return range(rank() * count // size(), (rank() + 1) * count // size())


def seed_of_rank(*words: int) -> int:
    """A seed that depends only on ``words`` and on the number of this process."""
    (state,) = np.random.SeedSequence((*words, rank())).generate_state(1, np.uint64)
    return int(state) >> 1


def average(tensors: Iterable[Tensor | None]) -> None:
    """Replaces each tensor by its mean over the processes, in place, in one exchange; None is skipped."""
    if size() == 1:
        return
    import torch.distributed as dist

    held = [tensor.detach() for tensor in tensors if tensor is not None]
    if not held:
        return
    bucket = torch.cat([tensor.reshape(-1) for tensor in held])
    with _exchange():
        dist.all_reduce(bucket)
    bucket /= size()
    for tensor, mean in zip(held, bucket.split([tensor.numel() for tensor in held]), strict=True):
        tensor.copy_(mean.view_as(tensor))


def totals(numbers: Sequence[int]) -> list[int]:
    """The sum of each number over the processes, the same on all of them."""
    if size() == 1:
        return list(numbers)
    import torch.distributed as dist

    held = torch.tensor(numbers, dtype=torch.int64)
    with _exchange():
        dist.all_reduce(held)
    return held.tolist()


def gathered(value: T) -> list[T]:
    """The values of all processes in order, on all of them; their tensors are on the CPU."""
    if size() == 1:
        return [value]
    import torch.distributed as dist

    values: list[Any] = [None] * size()
    with _exchange():
        dist.all_gather_object(values, pytree.tree_map_only(Tensor, lambda tensor: tensor.detach().cpu(), value))
    return values


def of_first(value: T) -> T:
    """The value of process 0, on all of them."""
    if size() == 1:
        return value
    import torch.distributed as dist

    held = [value]
    with _exchange():
        dist.broadcast_object_list(held)
    return held[0]


def copy_first(tensors: Iterable[Tensor]) -> None:
    """Copies the tensors of process 0 to all processes."""
    if size() == 1:
        return
    import torch.distributed as dist

    with _exchange(), torch.no_grad():
        for tensor in tensors:
            dist.broadcast(tensor.detach(), 0)


def wait() -> None:
    """Returns when every process has come here."""
    totals([0])


def collect(own: Tensor, count: int) -> Tensor:
    """All rows in order on process 0, on the CPU, of which each process has those of ``rows``; elsewhere its own.

    Args:
        own: the rows of this process, the first axis.
        count: of all rows.
    """
    if size() == 1:
        return own
    import torch.distributed as dist

    own = own.detach().cpu().contiguous()
    if rank() > 0:
        with _exchange():
            dist.send(plain(own), 0)
        return own
    whole = own.new_empty((count, *own.shape[1:]))
    ends = [(r + 1) * count // size() for r in range(size())]
    whole[: ends[0]] = own
    with _exchange():
        for r in range(1, size()):
            dist.recv(plain(whole[ends[r - 1] : ends[r]]), r)
    return whole


def plain(tensor: Tensor) -> Tensor:
    """A view that gloo can send: it knows no bool."""
    return tensor.view(torch.uint8) if tensor.dtype == torch.bool else tensor


def share(own: Iterable[T], compute: Callable[[T], U], device: torch.device) -> list[U]:
    """compute(part) for the parts of all processes, in order; each computes its own and receives the others' results.

    With several processes, each draws from a stream of random numbers of its own. The numbers after the call do not
    depend on it, so they are again the same on all processes, if they were before.

    Args:
        own: the parts of this process.
        compute: part ↦ nested tensors.
        device: where the results belong.
    """
    if size() == 1:
        return [compute(part) for part in own]
    common = int(torch.randint(2**62, ()))
    with isolated(seed_of_rank(common), device):
        found = [compute(part) for part in own]
    every = [result for results in gathered(found) for result in results]
    return [pytree.tree_map_only(Tensor, lambda tensor: tensor.to(device), result) for result in every]


@contextmanager
def _exchange() -> Iterator[None]:
    """Turns the error of a lost connection into one that says which process has ended, and why."""
    try:
        yield
    except RuntimeError as error:
        raise _world.reason() from error

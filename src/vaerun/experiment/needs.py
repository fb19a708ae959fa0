"""What a run needs of memory and disk, estimated before its first step; what cannot fit is refused."""

import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from vaerun.data.base import Dataset
from vaerun.data.free_memory import free_memory
from vaerun.data.mapped import MappedRows
from vaerun.errors import UserError
from vaerun.execution.memory import numbers_at_once
from vaerun.execution.random_state import isolated
from vaerun.strategy.base import Strategy
from vaerun.system.memory import amount
from vaerun.trainer.shares import tables

if TYPE_CHECKING:
    from vaerun.experiment.experiment import Experiment

LIBRARIES = 250_000_000  # bytes of Python and the packages on a CPU, as scripts/large_data.py measures them
TENSORS = 4  # of the size of the largest one, that a part of an evaluation has in memory at the same time
KEPT = 4  # files: best, last, and the one before each
LITTLE = 1_000_000  # bytes; smaller parts are not named
REMEDIES = {
    "data": "use an npy, Parquet or h5ad file with data.memory=map",
    "Φ": "use execution.phi_memory=map on the CPU, or an amortized strategy",
    "weights": "use a smaller model",
    "a step": "use a smaller trainer.batch_size, objective.num_samples or model",
    "evaluation": "use a smaller evaluation.num_samples",
    "libraries": "use a machine with more memory",
}


class Needs(NamedTuple):
    """Bytes by part: in memory (on the device, if it is not the CPU), in mapped files, and of checkpoints."""

    memory: Mapping[str, int]
    mapped: Mapping[str, int]
    checkpoints: int

    def words(self) -> str:
        """In one line."""
        memory, files = (sum(parts.values()) for parts in (self.memory, self.mapped))
        said = f"needs about {amount(memory)} of memory ({_listed(self.memory)})"
        said += f", {amount(files)} of mapped files ({_listed(self.mapped)})" if files else ""
        return f"{said}, and up to {amount(self.checkpoints)} of disk for checkpoints"


def estimated(experiment: "Experiment") -> Needs:
    """The sum of what the parts of a run hold at the same time.

    Weights count four times: with their gradients and the two moments of Adam. A step is what autograd keeps of the
    bound of a batch, extrapolated from batches of 2 and 4 points, and two tensors of the size of the largest one. An
    evaluation computes in parts of a fixed number of rows of the decoder.
    """
    strategy, data = experiment.strategy, experiment.data
    weights = sum(weight.nbytes for weight in strategy.parameters())
    averages = weights if strategy.weight_average is not None else 0
    own = [table for _, table in tables(strategy)]
    phi = {True: 0, False: 0}
    for table in own:
        phi[table.is_mapped] += len(table.own) * table.row_bytes
    step = step_bytes(strategy, data, experiment.batch_size)
    rows = getattr(experiment.evaluation, "num_samples", 1) * len(data.test)  # that the decoder computes
    evaluation = TENSORS * round(step.row * min(rows, numbers_at_once(experiment.device) // data.data_dim))
    larger = {"a step": step.whole} if step.whole >= evaluation else {"evaluation": evaluation}
    memory = {"data": data_bytes(data), "Φ": phi[False], "weights": 4 * weights + averages, **larger}
    if experiment.device.type == "cpu":
        memory["libraries"] = LIBRARIES
    settings, epochs = experiment.trainer.checkpoints, experiment.trainer.budget.epochs
    files = KEPT + (0 if settings.every is None else epochs // settings.every)
    state = 3 * weights + averages + sum(table.num_points * table.row_bytes for table in own)
    return Needs(memory, {"data": mapped_bytes(data), "Φ": phi[True]}, files * state)


def refuse_too_large(needs: Needs, device: torch.device, directory: Path) -> None:
    """Refuses a run that cannot fit.

    Args:
        needs: what it needs.
        device: of the run.
        directory: of the run; the checkpoints that are there already need no more disk.

    Raises:
        UserError: the number, what is free, and what needs less.
    """
    needed, free = sum(needs.memory.values()), available(device)
    if needed > free:
        largest = max(needs.memory, key=lambda part: needs.memory[part])
        raise UserError(
            f"the run must fit into memory, but it needs about {amount(needed)} ({_listed(needs.memory)}), and "
            f"{amount(free)} are free for it: {REMEDIES[largest]}."
        )
    kept = directory / "checkpoints"
    held = sum(file.stat().st_size for file in kept.glob("*.pt")) if kept.is_dir() else 0
    left = shutil.disk_usage(directory).free
    if needs.checkpoints - held > left:
        raise UserError(
            f"the checkpoints of the run must fit on the disk, but they need up to {amount(needs.checkpoints)}, and "
            f"{amount(left)} are free in {directory}: choose hydra.run.dir on a disk with more space."
        )


def is_roomy(needs: Needs, device: torch.device) -> bool:
    """Whether a run on a CPU may take twice the memory that it needs."""
    return device.type == "cpu" and 2 * sum(needs.memory.values()) <= available(device)


def available(device: torch.device) -> int:
    """Bytes of memory that are free on the device, and those that this process has of it already."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0] + torch.cuda.memory_reserved(device)
    try:
        match = re.search(r"RssAnon:\s+(\d+) kB", Path("/proc/self/status").read_text())
    except OSError:
        match = None
    return free_memory() + (1024 * int(match[1]) if match else 0)


def data_bytes(data: Dataset) -> int:
    """Of the tensors of the splits, and of the order of an epoch."""
    storages = {part.untyped_storage().data_ptr(): part.untyped_storage().nbytes() for part in _tensors(data)}
    return sum(storages.values()) + 8 * len(data.train)


def mapped_bytes(data: Dataset) -> int:
    """Of the mapped files of the splits."""
    rows = (split.x for split in (data.train, data.valid, data.test))
    return sum({id(x.mapping): x.mapping.size for x in rows if isinstance(x, MappedRows)}.values())


def _tensors(data: Dataset) -> Iterator[Tensor]:
    for split in (data.train, data.valid, data.test):
        x = split.x.places if isinstance(split.x, MappedRows) else split.x
        yield from (part for part in (x, split.given, split.labels, split.source_rows) if part is not None)


class Step(NamedTuple):
    """Bytes of a training step, and of its largest tensor by row of the decoder."""

    whole: int
    row: float


def step_bytes(strategy: Strategy, data: Dataset, batch_size: int) -> Step:
    """What autograd keeps of the bound of a batch, and two tensors of the size of the largest one."""
    few, more = min(2, len(data.train)), min(4, len(data.train))
    buffers = [(buffer, buffer.clone()) for buffer in strategy.shared.buffers()]  # a step may move them
    try:
        with isolated(0, data.train.x.device):
            (kept, large), (kept_more, large_more) = (_kept(strategy, data, count) for count in (few, more))
    finally:
        with torch.no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)
    points = max(1, more - few)
    each, wide = (kept_more - kept) / points, (large_more - large) / points
    return Step(
        round(kept + 2 * large + (each + 2 * wide) * max(0, batch_size - few)), wide / max(1, strategy.bound.decodes)
    )


def _kept(strategy: Strategy, data: Dataset, count: int) -> tuple[int, int]:
    """Bytes that autograd keeps of the bound of the first points, and of the largest tensor among them."""
    bound, kept = strategy.bound, dict[int, int]()
    own = {weight.untyped_storage().data_ptr() for weight in strategy.parameters()}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    x = data.train.points(torch.arange(count, device=data.train.x.device))
    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        amortizer = getattr(strategy, "amortizer", None)
        if amortizer is None:
            phi = bound.family.initial().to(x.device).repeat(count, 1).requires_grad_()
        else:
            phi = amortizer(x)
        estimate = bound(x, phi)  # until here, because its graph holds the tensors that are counted
        del estimate
    return sum(kept.values()), max(kept.values(), default=0)


def _listed(parts: Mapping[str, int]) -> str:
    """The parts that are not small, largest first."""
    named = sorted((size, name) for name, size in parts.items() if size >= LITTLE)
    return ", ".join(f"{name} {amount(size)}" for size, name in reversed(named)) or "little"

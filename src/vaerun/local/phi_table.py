"""Φ [N, P]: the variational parameters φ_i of every point of a split, and the state of their optimiser."""

from mmap import PAGESIZE

import torch
from torch import Tensor, nn

from vaerun.data.free_memory import free_memory
from vaerun.errors import UserError
from vaerun.execution import parallel
from vaerun.local.optimizer.base import LocalOptimizer, LocalState, gather, scatter
from vaerun.system.memory import amount
from vaerun.system.scratch import Mapping, scratch

CHUNK = 2**16  # rows that are initialised at a time in a mapped file


class PhiTable(nn.Module):
    """Φ [N, P]: row i holds φ_i and the state of its optimiser. A row changes only when it is written.

    The tensors are buffers: a checkpoint holds them, ``to(device)`` moves them, and the optimiser of the shared weights
    does not include them. If a run has several processes, each stores the rows of its own points only
    (``execution.parallel.rows``), and reads and writes them without communication.

    In memory, or in mapped scratch files: a step then reads and writes the pages of its rows only. Checkpoints hold
    all rows in both cases, so a run continues from them with the same bits.

    Args:
        num_points: N.
        initial: φ of every row at the start, Float[Tensor, "P"].
        optimizer: the per-point optimiser whose state is stored beside φ.
        memory: ram, map, or auto: map if the rows would take more than half of the free memory.

    Raises:
        UserError: the rows do not fit into memory or on the disk, or ``map`` is not possible here.
    """

    phi: Tensor
    visited: Tensor  # Bool[Tensor, "N"]: whether the row was ever written

    def __init__(self, *, num_points: int, initial: Tensor, optimizer: LocalOptimizer, memory: str = "auto") -> None:
        super().__init__()
        self.num_points, self.own = num_points, parallel.rows(num_points)
        self.initial, self.optimizer = initial.detach(), optimizer
        row = self._fields(1)
        self.state_type = type(optimizer.init(row["phi"]))
        self.row_bytes = sum(field.nbytes for field in row.values())
        self.mappings: list[Mapping] = []
        self.is_fetched = 2 * len(self.own) * self.row_bytes > free_memory()
        self.is_mapped = choose(memory, len(self.own) * self.row_bytes, initial.device)
        for name, field in (self._mapped(row) if self.is_mapped else self._fields(len(self.own))).items():
            self.register_buffer(name, field)

    def _fields(self, count: int) -> dict[str, Tensor]:
        """The first values of ``count`` rows, by name."""
        phi = self.initial.repeat(count, 1)
        visited = torch.zeros(count, dtype=torch.bool, device=phi.device)
        return {"phi": phi, "visited": visited, **self.optimizer.init(phi)._asdict()}

    def _mapped(self, row: dict[str, Tensor]) -> dict[str, Tensor]:
        """The same of all rows, in scratch files; ``row`` has the first values of one."""
        fields = {}
        for name, one in row.items():
            mapping = scratch(max(1, len(self.own)) * one.nbytes, "Φ (execution.phi_memory=map)")
            fields[name] = torch.frombuffer(mapping.memory, dtype=one.dtype).view(len(self.own), *one.shape[1:])
            if bool(one.any()):  # a new file holds zeros
                for part in fields[name].split(CHUNK):
                    part.copy_(one.expand_as(part))
                    mapping.use(part.nbytes)
            mapping.at_random(True)
            self.mappings.append(mapping)
        return fields

    @property
    def state(self) -> LocalState:
        """The state of the per-point optimiser for all rows; not a copy."""
        return self.state_type(*(self.get_buffer(name) for name in self.state_type._fields))

    def read(self, index: Tensor) -> tuple[Tensor, LocalState]:
        """(φ Float[Tensor, "B P"], state) of the points at ``index`` Int[Tensor, "B"], copies.

        A row that another process stores reads as one that was never written.
        """
        row, foreign = self.places(index)
        self._use(row)
        phi, state = self.phi.index_select(0, row), gather(self.state, row)
        if foreign is not None:
            phi[foreign] = self.initial
            scatter(state, foreign, self.optimizer.init(phi[foreign]))
        return phi, state

    def new(self, index: Tensor) -> Tensor:
        """Whether the rows at ``index`` were never written by this process, Bool[Tensor, "B"]."""
        row, foreign = self.places(index)
        new = ~self.visited.index_select(0, row)
        return new if foreign is None else new.index_fill(0, foreign, True)

    def places(self, index: Tensor) -> tuple[Tensor, Tensor | None]:
        """Where the rows are stored here, and which of them are not stored here; None with one process."""
        if len(self.own) == self.num_points:
            return index, None
        row = index - self.own.start
        foreign = ((row < 0) | (row >= len(self.own))).nonzero().squeeze(1)
        return row.index_fill(0, foreign, 0), foreign

    def write(self, index: Tensor, phi: Tensor, state: LocalState) -> None:
        """Sets φ and state of points of this process; every other row keeps its value, to the bit."""
        row, _ = self.places(index)
        self.phi.index_copy_(0, row, phi)
        scatter(self.state, row, state)
        self.visited.index_fill_(0, row, True)

    def _use(self, row: Tensor) -> None:
        """Counts the pages of rows in every mapped file; asks the disk for them if it must read."""
        for mapping in self.mappings:
            size = mapping.size // len(self.own)
            mapping.use(len(row) * max(PAGESIZE, size))
            if self.is_fetched:
                mapping.fetch((size * place for place in row.tolist()), size)


def choose(memory: str, size: int, device: torch.device) -> bool:
    """Whether ``size`` bytes of Φ are mapped, by the key ``execution.phi_memory``.

    Raises:
        UserError: they do not fit into memory, or cannot be mapped on this device or with these processes.
    """
    possible = device.type == "cpu" and parallel.size() == 1
    if memory == "map" and not possible:
        raise UserError(
            f"execution.phi_memory=map needs the CPU and one process, got device {device.type} and {parallel.size()} "
            "processes: use execution.device=cpu execution.devices=1, or execution.phi_memory=ram."
        )
    if device.type != "cpu" or memory == "map":
        return memory == "map"
    free = free_memory()
    if memory == "auto" and possible and 2 * size > free:
        return True
    if size > free:
        remedy = "execution.phi_memory=map" if possible else "execution.devices=1, which can keep Φ in a file,"
        raise UserError(
            f"Φ with the states of its optimiser must fit into memory, but it needs {amount(size)} and {amount(free)} "
            f"are free: use {remedy} or an amortized strategy."
        )
    return False

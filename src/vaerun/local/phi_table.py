"""Φ [N, P]: the variational parameters φ_i of every point of a split, and the state of their optimiser."""

import torch
from torch import Tensor, nn

from vaerun.execution import parallel
from vaerun.local.optimizer.base import LocalOptimizer, LocalState, gather, scatter


class PhiTable(nn.Module):
    """Φ [N, P]: row i holds φ_i and the state of its optimiser. A row changes only when it is written.

    The tensors are buffers: a checkpoint holds them, ``to(device)`` moves them, and the optimiser of the shared weights
    does not include them. If a run has several processes, each stores the rows of its own points only
    (``execution.parallel.rows``), and reads and writes them without communication.

    Args:
        num_points: N.
        initial: φ of every row at the start, Float[Tensor, "P"].
        optimizer: the per-point optimiser whose state is stored beside φ.
    """

    phi: Tensor
    visited: Tensor  # Bool[Tensor, "N"]: whether the row was ever written

    def __init__(self, *, num_points: int, initial: Tensor, optimizer: LocalOptimizer) -> None:
        super().__init__()
        self.num_points, self.own = num_points, parallel.rows(num_points)
        self.initial, self.optimizer = initial.detach(), optimizer
        self.register_buffer("phi", self.initial.repeat(len(self.own), 1))
        self.register_buffer("visited", torch.zeros(len(self.own), dtype=torch.bool, device=initial.device))
        state = optimizer.init(self.phi)
        self.state_type = type(state)
        for name, field in state._asdict().items():
            self.register_buffer(name, field)

    @property
    def state(self) -> LocalState:
        """The state of the per-point optimiser for all rows; not a copy."""
        return self.state_type(*(self.get_buffer(name) for name in self.state_type._fields))

    def read(self, index: Tensor) -> tuple[Tensor, LocalState]:
        """(φ Float[Tensor, "B P"], state) of the points at ``index`` Int[Tensor, "B"], copies.

        A row that another process stores reads as one that was never written.
        """
        row, foreign = self.places(index)
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

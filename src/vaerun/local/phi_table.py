"""Φ [N, P]: the variational parameters φ_i of every point of a split, and the state of their optimiser."""

import torch
from torch import Tensor, nn

from vaerun.local.optimizer.base import LocalOptimizer, LocalState, gather, scatter


class PhiTable(nn.Module):
    """Φ [N, P]: row i holds φ_i and the state of its optimiser. A row changes only when it is written.

    The tensors are buffers: a checkpoint holds them, ``to(device)`` moves them, and the optimiser of the shared weights
    does not include them.

    Args:
        num_points: N.
        initial: φ of every row at the start, Float[Tensor, "P"].
        optimizer: the per-point optimiser whose state is stored beside φ.
    """

    phi: Tensor
    visited: Tensor  # Bool[Tensor, "N"]: whether the row was ever written

    def __init__(self, *, num_points: int, initial: Tensor, optimizer: LocalOptimizer) -> None:
        super().__init__()
        self.register_buffer("phi", initial.detach().repeat(num_points, 1))
        self.register_buffer("visited", torch.zeros(num_points, dtype=torch.bool, device=initial.device))
        state = optimizer.init(self.phi)
        self.state_type = type(state)
        for name, field in state._asdict().items():
            self.register_buffer(name, field)

    @property
    def state(self) -> LocalState:
        """The state of the per-point optimiser for all rows; not a copy."""
        return self.state_type(*(self.get_buffer(name) for name in self.state_type._fields))

    def read(self, index: Tensor) -> tuple[Tensor, LocalState]:
        """(φ Float[Tensor, "B P"], state) of the points at ``index`` Int[Tensor, "B"], copies."""
        return self.phi.index_select(0, index), gather(self.state, index)

    def write(self, index: Tensor, phi: Tensor, state: LocalState) -> None:
        """Sets φ and state of the points at ``index``; every other row keeps its value, to the bit."""
        self.phi.index_copy_(0, index, phi)
        scatter(self.state, index, state)
        self.visited.index_fill_(0, index, True)

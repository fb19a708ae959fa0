"""What a row optimiser is."""

from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor

LocalState = Any  # a NamedTuple of tensors whose first axis is the rows


class LocalOptimizer(ABC):
    """(init, update) over rows: a row's step depends on its own gradients and on nothing that shares its batch."""

    @abstractmethod
    def init(self, phi: Tensor) -> LocalState:
        """The state of rows that have not moved yet; a NamedTuple of tensors [R, …], for Float[Tensor, "R P"]."""

    @abstractmethod
    def update(self, gradient: Tensor, state: LocalState) -> tuple[Tensor, LocalState]:
        """(Δφ, new state): the step to ADD to the rows, which follows ``gradient``; both Float[Tensor, "R P"]."""

    def shortened(self, state: LocalState, scale: Tensor) -> LocalState:
        """The state when the last step was taken at ``scale`` Float[Tensor, "R 1"] of its length; most do not care."""
        return state


def gather(state: LocalState, index: Tensor) -> LocalState:
    """The states of the rows at ``index``."""
    return type(state)(*(field.index_select(0, index) for field in state))


def scatter(state: LocalState, index: Tensor, rows: LocalState) -> None:
    """Writes the states of ``rows`` to the places ``index``."""
    for field, values in zip(state, rows, strict=True):
        field.index_copy_(0, index, values)

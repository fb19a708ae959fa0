"""(g, state) ↦ (Δφ, state): per-point optimisers, whose steps depend only on the gradients of that point."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from torch import Tensor

LocalState = Any  # a NamedTuple of tensors whose first axis runs over the points


class LocalOptimizer(ABC):
    """(g_i, state_i) ↦ (Δφ_i, state_i) for every row i; the step of a row does not depend on the other rows."""

    adaptive: ClassVar[bool] = False  # whether steps become shorter by themselves where noise dominates the gradient

    @abstractmethod
    def init(self, phi: Tensor) -> LocalState:
        """The state before the first step: Float[Tensor, "R P"] ↦ a NamedTuple of tensors [R, …]."""

    @abstractmethod
    def update(self, gradient: Tensor, state: LocalState, scale: Tensor) -> tuple[Tensor, LocalState]:
        """(Δφ, new state): the step to ADD to the rows for this ``gradient``, both Float[Tensor, "R P"].

        Args:
            gradient: ∇_φ L of each row.
            state: of each row.
            scale: ``Family.scale`` at each row, Float[Tensor, "R P"]; only optimisers of natural gradients use it.
        """

    def shortened(self, state: LocalState, factor: Tensor) -> LocalState:
        """The state after the last step was multiplied by ``factor`` Float[Tensor, "R 1"]; unchanged by default."""
        return state


def gather(state: LocalState, index: Tensor) -> LocalState:
    """The states of the rows at ``index``."""
    return type(state)(*(field.index_select(0, index) for field in state))


def scatter(state: LocalState, index: Tensor, rows: LocalState) -> None:
    """Writes the states of ``rows`` at ``index``, in place."""
    for field, values in zip(state, rows, strict=True):
        field.index_copy_(0, index, values)

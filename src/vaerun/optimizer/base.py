"""w ← w + Δw(∂loss/∂w): the interface of optimisers for the shared weights θ and λ."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol

from torch import Tensor, nn


class Optimizer(Protocol):
    """w ← w + Δw, a step that lowers the loss. Every optimiser of torch.optim has this interface.

    ``param_groups`` holds the weights by group, each a dict with the step size as ``lr``, which may be changed between
    two steps. Weights whose ``grad`` is None are skipped.
    """

    param_groups: list[dict[str, Any]]

    def step(self) -> object:
        """Updates every weight that has a gradient."""

    def state_dict(self) -> dict[str, Any]:
        """The state for a checkpoint: tensors and plain values, weights by their position."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restores the state of an optimiser of the same weights."""


class TraceableOptimizer(ABC):
    """(w, g, α) ↦ w + Δw in the same tensor operations at every step, so that the step can be part of a program."""

    @property
    @abstractmethod
    def rate(self) -> Tensor:
        """The present step size α, Float[Tensor, ""], on the device of the weights: an input of the program."""

    @abstractmethod
    def move(self, weights: Sequence[nn.Parameter], gradients: Sequence[Tensor | None], rate: Tensor) -> None:
        """Updates each of ``weights`` that has a gradient, in plain tensor operations."""

    @abstractmethod
    def state_tensors(self, weights: Sequence[nn.Parameter]) -> list[Tensor]:
        """The state that a step of ``weights`` changes. It is changed in place, also by ``load_state_dict``."""

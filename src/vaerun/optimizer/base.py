"""What an optimiser of the shared weights is."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol

from torch import Tensor, nn


class Optimizer(Protocol):
    """Moves weights against their gradients. Every optimiser of torch.optim is one, and can be named in a YAML file.

    ``param_groups`` holds the weights by group, each a dict with the step size as ``lr``, which may be changed between
    two steps. Weights whose ``grad`` is None are passed over.
    """

    param_groups: list[dict[str, Any]]

    def step(self) -> object:
        """Moves every weight that has a gradient."""

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint needs to go on: tensors and plain values, weights by their place."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on from the state of an optimiser of the same weights."""


class TraceableOptimizer(ABC):
    """What an optimiser has besides, if its step can be part of a program: the same operations at every step."""

    @property
    @abstractmethod
    def rate(self) -> Tensor:
        """The step size as it is now, Float[Tensor, ""], on the weights' device: an input of that program."""

    @abstractmethod
    def move(self, weights: Sequence[nn.Parameter], gradients: Sequence[Tensor | None], rate: Tensor) -> None:
        """Moves each of ``weights`` that has a gradient, in plain operations."""

    @abstractmethod
    def state_tensors(self, weights: Sequence[nn.Parameter]) -> list[Tensor]:
        """The state that moving ``weights`` changes; from now on it is changed in place, by ``load_state_dict`` too."""

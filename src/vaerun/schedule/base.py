"""t ↦ value(t): scalars that change with the number of trained epochs t."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn


class Schedule(nn.Module, ABC):
    """t ↦ value(t): a scalar as a function of the number t of epochs trained so far (a real number).

    The value is a buffer, so that a compiled step reads it as a tensor, and a checkpoint holds it.

    Args:
        state: further buffers by name, if the value depends on more than t.
    """

    value: Tensor  # Float[Tensor, ""]
    now: float  # the same value on the host
    length: float = 0.0  # epochs after which the value stays as it is; 0 if the schedule has no end of its own

    def __init__(self, **state: Tensor) -> None:
        super().__init__()
        self.register_buffer("value", torch.tensor(0.0))
        for name, tensor in state.items():
            self.register_buffer(name, tensor)
        self.advance(0.0)

    @abstractmethod
    def at(self, epochs: float) -> float:
        """The value after ``epochs`` epochs."""

    def advance(self, epochs: float) -> None:
        """Sets the value to ``at(epochs)``."""
        self.now = self.at(epochs)
        self.value.fill_(self.now)

    def begin(self) -> None:
        """Forgets an earlier training, before the first step of a new one; by default there is nothing to forget."""

    def validated(self, bound: float) -> None:
        """Receives the bound of each validation, nats per datum; by default it is not used."""

    def forward(self) -> Tensor:
        """The present value, Float[Tensor, ""]."""
        return self.value

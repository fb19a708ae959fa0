"""What an annealed scalar is."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn


class Schedule(nn.Module, ABC):
    """t ↦ value: a scalar as a function of the epochs trained so far (a real number).

    The value is a buffer, so that a compiled step reads a tensor instead of a constant that changes, and a
    checkpoint holds it unasked.
    """

    value: Tensor  # Float[Tensor, ""]
    now: float  # the same on the host, for what is counted there

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("value", torch.tensor(0.0))
        self.advance(0.0)

    @abstractmethod
    def at(self, epochs: float) -> float:
        """The value after ``epochs`` epochs."""

    def advance(self, epochs: float) -> None:
        """Sets the value to that after ``epochs`` epochs."""
        self.now = self.at(epochs)
        self.value.fill_(self.now)

    def forward(self) -> Tensor:
        """The present value, Float[Tensor, ""]."""
        return self.value

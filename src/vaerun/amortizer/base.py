"""What an amortizer is."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Amortizer(nn.Module, ABC):
    """f_λ: x ↦ φ; λ is this module's parameters."""

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """φ: Float[Tensor, "B X"] ↦ Float[Tensor, "B P"]."""

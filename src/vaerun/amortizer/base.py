"""f_λ: x ↦ φ, the interface of encoders."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Amortizer(nn.Module, ABC):
    """f_λ: x ↦ φ, where λ are the parameters of this module."""

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """φ: Float[Tensor, "B X"] ↦ Float[Tensor, "B P"]."""

"""What a refiner is."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Refiner(nn.Module, ABC):
    """(φ, ∇_φ L) ↦ Δφ: a step in φ that is learned."""

    @abstractmethod
    def forward(self, phi: Tensor, gradient: Tensor) -> Tensor:
        """What to add to φ; all Float[Tensor, "B P"]. The gradient is in nats per unit of φ, of any size."""

"""(φ, ∇_φ L) ↦ Δφ: learned update steps in φ."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Refiner(nn.Module, ABC):
    """(φ, ∇_φ L) ↦ Δφ by a network: a learned update step."""

    @abstractmethod
    def forward(self, phi: Tensor, gradient: Tensor) -> Tensor:
        """Δφ, which is added to φ; all Float[Tensor, "B P"]. The gradient is in nats per unit of φ."""

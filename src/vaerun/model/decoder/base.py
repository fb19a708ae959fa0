"""What a decoder is."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Decoder(nn.Module, ABC):
    """z ↦ outputs of the likelihood."""

    @abstractmethod
    def forward(self, z: Tensor) -> Tensor:
        """Float[Tensor, "*K B D"] ↦ Float[Tensor, "*K B O"]."""

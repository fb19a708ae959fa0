"""z ↦ outputs: the interface of decoders."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Decoder(nn.Module, ABC):
    """z ↦ outputs, the parameters of the likelihood p(x given outputs)."""

    @abstractmethod
    def forward(self, z: Tensor) -> Tensor:
        """Float[Tensor, "*K B D"] ↦ Float[Tensor, "*K B O"]."""

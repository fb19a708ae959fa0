"""W, b of x ↦ Wx + b before the first step: the interface of initial weights."""

from abc import ABC, abstractmethod

from torch import nn


class InitialWeights(ABC):
    """W and b of the affine maps x ↦ Wx + b of a network, before the first step of training."""

    @abstractmethod
    def fill(self, layer: nn.Linear) -> None:
        """Writes W, Float[Tensor, "out in"], and b, Float[Tensor, "out"], into a new layer.

        A bias that a network sets afterwards, such as the log-odds of the data, replaces b.
        """

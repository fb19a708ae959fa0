"""W, b ~ U(−1/√in, 1/√in): what a new layer of PyTorch has."""

from typing import final

from torch import nn

from vaerun.nn.initial_weights.base import InitialWeights


@final
class PyTorchWeights(InitialWeights):
    """W and b uniform in [−1/√in, 1/√in], so that Var W = 1/(3 in): PyTorch's own choice for an affine map.

    Reference: PyTorch, torch.nn.Linear.
    """

    def fill(self, layer: nn.Linear) -> None:
        """Leaves the layer as PyTorch has made it."""


PYTORCH = PyTorchWeights()

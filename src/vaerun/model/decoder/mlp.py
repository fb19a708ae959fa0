"""outputs = A_L h(… h(A_1 z)): a multilayer perceptron."""

from collections.abc import Sequence

import torch
from torch import Tensor

from vaerun.model.decoder.base import Decoder
from vaerun.nn.initial_weights.base import InitialWeights
from vaerun.nn.initial_weights.pytorch import PYTORCH
from vaerun.nn.network import last_map, mlp


class MLPDecoder(Decoder):
    """outputs = A_L h(… h(A_1 z + b_1)) + b_L.

    Args:
        input_dim: D.
        output_dim: O.
        output_bias: the initial b_L, Float[Tensor, "O"]; None for that of ``initial_weights``.
        hidden: units of the hidden layers.
        activation: h, by name.
        initial_weights: of the affine maps; ``output_bias`` replaces their last bias.

    Raises:
        UserError: no activation of that name, or a layer without units.

    Reference: Kingma, Welling 2014, Auto-encoding variational Bayes, appendix C.
    """

    def __init__(
        self,
        *,
        input_dim: int,
        output_dim: int,
        output_bias: Tensor | None,
        hidden: Sequence[int] = (400,),
        activation: str = "relu",
        initial_weights: InitialWeights = PYTORCH,
    ) -> None:
        super().__init__()
        self.layers = mlp([input_dim, *hidden, output_dim], activation, initial_weights)
        if output_bias is not None:
            with torch.no_grad():
                last_map(self.layers).bias.copy_(output_bias)

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(z)

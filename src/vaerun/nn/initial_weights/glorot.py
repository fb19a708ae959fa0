"""W ~ U(−√(6/(in + out)), √(6/(in + out))), b = 0: Glorot's initial weights."""

from typing import final

from torch import nn

from vaerun.nn.initial_weights.base import InitialWeights


@final
class GlorotWeights(InitialWeights):
    """W uniform in [−√(6/(in + out)), √(6/(in + out))], so that Var W = 2/(in + out), and b = 0.

    Where units are near the linear part of tanh, the variance of the units and that of the gradient then both change
    little from layer to layer. Also called Xavier initialisation.

    Reference: Glorot, Bengio 2010, Understanding the difficulty of training deep feedforward neural networks, eq. 16.
    """

    def fill(self, layer: nn.Linear) -> None:
        nn.init.xavier_uniform_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)

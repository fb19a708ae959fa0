"""W ~ N(0, 2/in), b = 0: He's initial weights."""

from typing import final

from torch import nn

from vaerun.nn.initial_weights.base import InitialWeights


@final
class HeWeights(InitialWeights):
    """W normal with mean 0 and Var W = 2/in, and b = 0.

    The mean square of the units then changes little from layer to layer of a deep network of ReLU. Also called Kaiming
    initialisation.

    Reference: He, Zhang, Ren, Sun 2015, Delving deep into rectifiers, eq. 10.
    """

    def fill(self, layer: nn.Linear) -> None:
        nn.init.kaiming_normal_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)

"""Δφ = A_L h(… h(A_1 (φ − φ°, sign(g) log(1 + |g|)))): a multilayer perceptron."""

from collections.abc import Sequence

import torch
from torch import Tensor

from vaerun.nn.network import last_map, mlp
from vaerun.strategy.refiner.base import Refiner


class MLPRefiner(Refiner):
    """Δφ = A_L h(… h(A_1 u + b_1)) + b_L with u = (φ − φ°, sign(g) log(1 + |g|)) and g = ∇_φ L.

    Gradients of a bound span orders of magnitude. sign(g) log(1 + |g|) keeps the sign, compresses the size, and is the
    identity near 0, so that steps vanish at an optimum. A_L starts small and b_L at 0, so the first steps are small.

    Args:
        num_parameters: P.
        initial: φ°, a φ near the prior, Float[Tensor, "P"].
        hidden: units of the hidden layers.
        activation: h, by name.

    Raises:
        UserError: no activation of that name, or a layer without units.

    Reference: Marino, Yue, Mandt 2018, Iterative amortized inference, §3 (with a gated step and
    layer normalisation); Andrychowicz et al. 2016, Learning to learn by gradient descent by gradient descent, appendix
    A (logarithms of gradients).
    """

    initial: Tensor

    def __init__(
        self, *, num_parameters: int, initial: Tensor, hidden: Sequence[int] = (200,), activation: str = "tanh"
    ) -> None:
        super().__init__()
        self.register_buffer("initial", initial.clone())
        self.layers = mlp([2 * num_parameters, *hidden, num_parameters], activation)
        last = last_map(self.layers)
        with torch.no_grad():
            last.weight.mul_(0.1)
            last.bias.zero_()

    def forward(self, phi: Tensor, gradient: Tensor) -> Tensor:
        size = gradient.sign() * gradient.abs().log1p()
        return self.layers(torch.cat((phi - self.initial, size), dim=1))

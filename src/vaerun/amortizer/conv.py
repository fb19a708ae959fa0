"""φ = A h(convolutions of (x − x̄)/4s): an encoder for images."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from vaerun.amortizer.base import Amortizer, numbers_read
from vaerun.nn.data_input import DataInput
from vaerun.nn.network import convolutions, image_shape, last_map, mlp


class ConvAmortizer(Amortizer):
    """f_λ(x) = MLP(h(C_L … h(C_1 (x − x̄)/4s))): convolutions of stride 2, then affine maps.

    For images of any height and width; the last bias starts at the initial φ of the family. x̄ is the mean of the
    training data and s their standard deviation, pooled over all coordinates.

    Args:
        data_shape: (H, W) or (H, W, C).
        num_parameters: P.
        data_mean: x̄, Float[Tensor, "X"].
        data_std: s.
        initial: φ near the prior, Float[Tensor, "P"].
        given_dim: C, the numbers that the model conditions on and that follow those of x in a row.
        reads_given: whether the encoder reads these numbers: q(z; f_λ(x, c)), or q(z; f_λ(x)).
        missing: whether values of x are missing (nan); the network then reads a mask, too.
        counts: whether x are counts; the network then reads log(1 + x) − log(1 + x̄).
        channels: of the convolutions, the one nearest to the image first.
        hidden: units of the layers between the last convolution and φ.
        activation: h, by name.
        spread: what x − x̄ is divided by, in the unit of x; None for 4s.

    Raises:
        UserError: the data are not images, no activation of that name, a layer without units, ``reads_given`` is false
            without a condition, or ``spread`` is not above 0, or given for counts, which are not divided by 4s.

    Reference: Radford, Metz, Chintala 2016, Unsupervised representation learning with deep convolutional generative
    adversarial networks, §3.
    """

    def __init__(
        self,
        *,
        data_shape: Sequence[int],
        num_parameters: int,
        data_mean: Tensor,
        data_std: float,
        initial: Tensor,
        given_dim: int = 0,
        reads_given: bool = True,
        missing: bool = False,
        counts: bool = False,
        channels: Sequence[int] = (32, 64),
        hidden: Sequence[int] = (256,),
        activation: str = "relu",
        spread: float | None = None,
    ) -> None:
        super().__init__()
        read = numbers_read(given_dim, reads_given=reads_given)
        self.input = DataInput(
            data_mean=data_mean,
            data_std=data_std,
            spread=spread,
            given_dim=read,
            missing=missing,
            counts=counts,
        )
        self.shape = image_shape(data_shape, channels, "amortizer")
        depth = self.shape.channels * (2 if missing else 1)
        self.convolutions = convolutions(self.shape._replace(channels=depth), channels, activation)
        smallest = math.prod(self.shape.halved(len(channels))[-1])
        self.dense = mlp([channels[-1] * smallest + read, *hidden, num_parameters], activation)
        with torch.no_grad():
            last_map(self.dense).bias.copy_(initial)

    def forward(self, x: Tensor) -> Tensor:
        seen = self.convolutions(self.input.image(x, self.shape)).flatten(1)
        return self.dense(self.input.beside(seen, x))

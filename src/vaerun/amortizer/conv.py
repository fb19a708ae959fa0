"""φ = A h(convolutions of (x − x̄)/4s): an encoder for images."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vaerun.amortizer.base import Amortizer
from vaerun.nn.network import convolutions, image_shape, mlp


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
        channels: of the convolutions, the one nearest to the image first.
        hidden: units of the layers between the last convolution and φ.
        activation: h, by name.

    Raises:
        UserError: the data are not images, no activation of that name, or a layer without units.

    Reference: Radford, Metz, Chintala 2016, Unsupervised representation learning with deep convolutional generative
    adversarial networks, §3.
    """

    data_mean: Tensor

    def __init__(
        self,
        *,
        data_shape: Sequence[int],
        num_parameters: int,
        data_mean: Tensor,
        data_std: float,
        initial: Tensor,
        channels: Sequence[int] = (32, 64),
        hidden: Sequence[int] = (256,),
        activation: str = "relu",
    ) -> None:
        super().__init__()
        self.register_buffer("data_mean", data_mean.clone())
        self.spread = 4 * data_std
        self.shape = image_shape(data_shape, channels, "amortizer")
        self.convolutions = convolutions(self.shape, channels, activation)
        smallest = math.prod(self.shape.halved(len(channels))[-1])
        self.dense = mlp([channels[-1] * smallest, *hidden, num_parameters], activation)
        last = self.dense[-1]
        assert isinstance(last, nn.Linear)
        with torch.no_grad():
            last.bias.copy_(initial)

    def forward(self, x: Tensor) -> Tensor:
        images = self.shape.image((x - self.data_mean).div_(self.spread))
        return self.dense(self.convolutions(images).flatten(1))

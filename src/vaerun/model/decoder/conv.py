"""outputs = transposed convolutions of h(A z): a decoder for images."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vaerun.model.decoder.base import Decoder
from vaerun.nn.network import image_shape, mlp, transposed_convolutions


class ConvDecoder(Decoder):
    """outputs = T_1 h(… h(T_L h(MLP(z)))) + b: affine maps, then transposed convolutions of stride 2, L to 1.

    The transpose of the conv amortizer, for images of any height and width. The bias b has one value per output, so
    that it can be initialised with the mean of the data.

    Args:
        input_dim: D.
        output_dim: O, a multiple of H W.
        output_bias: the initial b, Float[Tensor, "O"]; None for 0.
        data_shape: (H, W) or (H, W, C).
        channels: of the convolutions, the one nearest to the image first.
        hidden: units of the layers between z and the smallest image.
        activation: h, by name.

    Raises:
        UserError: the data are not images, no activation of that name, or a layer without units.

    Reference: Radford, Metz, Chintala 2016, Unsupervised representation learning with deep convolutional generative
    adversarial networks, §3.
    """

    def __init__(
        self,
        *,
        input_dim: int,
        output_dim: int,
        output_bias: Tensor | None,
        data_shape: Sequence[int],
        channels: Sequence[int] = (32, 64),
        hidden: Sequence[int] = (256,),
        activation: str = "relu",
    ) -> None:
        super().__init__()
        shape = image_shape(data_shape, channels, "model/decoder")
        shape = shape._replace(channels=output_dim // (shape.height * shape.width))
        self.smallest = (channels[-1], *shape.halved(len(channels))[-1])
        self.dense = mlp([input_dim, *hidden, math.prod(self.smallest)], activation)
        self.convolutions = transposed_convolutions(shape, channels, activation)
        self.bias = nn.Parameter(torch.zeros(output_dim) if output_bias is None else output_bias.clone())

    def forward(self, z: Tensor) -> Tensor:
        images = self.convolutions(self.dense(z.reshape(-1, z.shape[-1])).unflatten(1, self.smallest))
        return images.movedim(1, -1).reshape(*z.shape[:-1], self.bias.numel()) + self.bias

"""outputs = residual blocks of A z, up to the size of the image: a deep decoder for images."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vaerun.model.decoder.base import Decoder
from vaerun.nn.network import image_shape, mlp
from vaerun.nn.residual import upwards


class ResNetDecoder(Decoder):
    """outputs = U_1(… U_L(MLP(z))) + b: affine maps, then stages U of residual blocks that double height and width.

    The mirror image of the resnet amortizer, for images of any height and width. A residual block is the identity at
    first. Normalisation is by GroupNorm within each point. The bias b has one value per output, so that it can be
    initialised with the mean of the data.

    Args:
        input_dim: D.
        output_dim: O, a multiple of H W.
        output_bias: the initial b, Float[Tensor, "O"]; None for 0.
        data_shape: (H, W) or (H, W, C).
        channels: of the stages, the one nearest to the image first.
        blocks: residual blocks in each stage.
        hidden: units of the layers between z and the smallest image.
        activation: h, by name.

    Raises:
        UserError: the data are not images, no activation of that name, a layer without units, or less than 0 blocks.

    Reference: He et al. 2016, Identity mappings in deep residual networks.
    """

    def __init__(
        self,
        *,
        input_dim: int,
        output_dim: int,
        output_bias: Tensor | None,
        data_shape: Sequence[int],
        channels: Sequence[int] = (32, 64, 128),
        blocks: int = 1,
        hidden: Sequence[int] = (256,),
        activation: str = "silu",
    ) -> None:
        super().__init__()
        shape = image_shape(data_shape, channels, "model/decoder", "resnet")
        sizes = shape.halved(len(channels))
        self.smallest = (channels[-1], *sizes[-1])
        self.dense = mlp([input_dim, *hidden, math.prod(self.smallest)], activation)
        self.stages = upwards(output_dim // (shape.height * shape.width), channels, blocks, activation, sizes)
        self.bias = nn.Parameter(torch.zeros(output_dim) if output_bias is None else output_bias.clone())

    def forward(self, z: Tensor) -> Tensor:
        images = self.stages(self.dense(z.reshape(-1, z.shape[-1])).unflatten(1, self.smallest))
        return images.movedim(1, -1).reshape(*z.shape[:-1], self.bias.numel()) + self.bias

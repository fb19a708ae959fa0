"""φ = A h(residual blocks of (x − x̄)/4s): a deep encoder for images."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from vaerun.amortizer.base import Amortizer, numbers_read
from vaerun.nn.data_input import DataInput
from vaerun.nn.network import image_shape, last_map, mlp
from vaerun.nn.residual import downwards


class ResNetAmortizer(Amortizer):
    """f_λ(x) = MLP(R_L(… R_1((x − x̄)/4s))): stages R of a convolution and residual blocks, then affine maps.

    The convolution at the start of a stage has stride 2. The network is for images of any height and width, above all
    for colour images of 32 × 32 and more. A residual block is the identity at first. Normalisation is by GroupNorm
    within each point. The last bias starts at the initial φ of the family. x̄ is the mean of the training data and s
    their standard deviation, pooled over all coordinates.

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
        channels: of the stages, the one nearest to the image first; each halves height and width.
        blocks: residual blocks in each stage.
        hidden: units of the layers between the last stage and φ.
        activation: h, by name.

    Raises:
        UserError: the data are not images, no activation of that name, a layer without units, less than 0 blocks, or
            ``reads_given`` is false without a condition.

    Reference: He et al. 2016, Identity mappings in deep residual networks.
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
        channels: Sequence[int] = (32, 64, 128),
        blocks: int = 1,
        hidden: Sequence[int] = (256,),
        activation: str = "silu",
    ) -> None:
        super().__init__()
        read = numbers_read(given_dim, reads_given=reads_given)
        self.input = DataInput(data_mean=data_mean, data_std=data_std, given_dim=read, missing=missing, counts=counts)
        self.shape = image_shape(data_shape, channels, "amortizer", "resnet")
        depth = self.shape.channels * (2 if missing else 1)
        self.stages = downwards(depth, channels, blocks, activation)
        smallest = math.prod(self.shape.halved(len(channels))[-1])
        self.dense = mlp([channels[-1] * smallest + read, *hidden, num_parameters], activation)
        with torch.no_grad():
            last_map(self.dense).bias.copy_(initial)

    def forward(self, x: Tensor) -> Tensor:
        seen = self.stages(self.input.image(x, self.shape)).flatten(1)
        return self.dense(self.input.beside(seen, x))

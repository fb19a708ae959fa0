"""x + C_2 h(N C_1 h(N x)): residual networks for images."""

from collections.abc import Sequence
from itertools import pairwise
from typing import final

from torch import Tensor, nn
from torch.nn.functional import interpolate

from vaerun.errors import UserError
from vaerun.nn.network import activation_named, keeping_scale

GROUPS = 8  # of GroupNorm, at most
AREA = 9  # of a convolution with a kernel of 3 × 3


@final
class ResidualBlock(nn.Module):
    """x ↦ x + C_2 h(N_2 C_1 h(N_1 x)): two convolutions of kernel 3, each after a normalisation and an activation.

    The weights of C_2 are 0 at first, so that a new block is the identity, and a network of any depth starts as a
    shallow one. N is GroupNorm, which treats each point alone. With a batch norm, log p(x given z) of one point would
    depend on the other points of the batch: the figures would not be bounds, and an ascent in φ of one point would
    change the results of the others.

    Args:
        channels: C of the image.
        activation: h, by name.

    Reference: He et al. 2016, Identity mappings in deep residual networks, fig. 4e (pre-activation); Wu, He 2018, Group
    normalization.
    """

    def __init__(self, channels: int, activation: str) -> None:
        super().__init__()
        h = activation_named(activation)
        first = nn.Conv2d(channels, channels, 3, padding=1)
        second = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(second.weight)
        assert second.bias is not None
        nn.init.zeros_(second.bias)
        kept = keeping_scale(first, inputs=channels * AREA)
        self.change = nn.Sequential(norm(channels), h(), kept, norm(channels), h(), second)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.change(x)


@final
class Upsample(nn.Module):
    """Repeats each pixel until the image has height and width ``size``, [B, C, h, w] ↦ [B, C, H, W].

    Args:
        size: (H, W).
    """

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        return interpolate(x, size=self.size, mode="nearest")


def norm(channels: int) -> nn.GroupNorm:
    """GroupNorm with at most 8 groups of at least 4 channels: one channel of one pixel would always be 0."""
    most = min(GROUPS, max(1, channels // 4))
    return nn.GroupNorm(next(groups for groups in range(most, 0, -1) if channels % groups == 0), channels)


def downwards(inputs: int, channels: Sequence[int], blocks: int, activation: str) -> nn.Sequential:
    """Float[Tensor, "B inputs H W"] ↦ Float[Tensor, "B channels[-1] h w"].

    Each stage halves height and width (rounded up) by a convolution of stride 2, and has ``blocks`` blocks.

    Raises:
        UserError: no activation of that name, or less than 0 blocks.
    """
    refuse_blocks(blocks)
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise([inputs, *channels]):
        layers.append(keeping_scale(nn.Conv2d(fan_in, fan_out, 3, stride=2, padding=1), inputs=fan_in * AREA))
        layers += [ResidualBlock(fan_out, activation) for _ in range(blocks)]
    return nn.Sequential(*layers, norm(channels[-1]), activation_named(activation)())


def upwards(
    outputs: int, channels: Sequence[int], blocks: int, activation: str, sizes: Sequence[tuple[int, int]]
) -> nn.Sequential:
    """Float[Tensor, "B channels[-1] h w"] ↦ Float[Tensor, "B outputs H W"]: the stages of ``downwards`` in reverse.

    Each stage has ``blocks`` blocks, repeats pixels up to the next size, and ends with a convolution; this leaves no
    pattern of squares as a transposed convolution does. There is no bias at the end.

    Args:
        outputs: channels of the result.
        channels: of the stages, the one nearest to the image first.
        blocks: in each stage.
        activation: h, by name.
        sizes: (H, W) of the image, then of each stage.

    Raises:
        UserError: no activation of that name, or less than 0 blocks.

    Reference: Odena, Dumoulin, Olah 2016, Deconvolution and checkerboard artifacts.
    """
    refuse_blocks(blocks)
    h = activation_named(activation)
    layers: list[nn.Module] = []
    for stage in range(len(channels) - 1, -1, -1):
        wide, last = channels[stage], stage == 0
        narrow = outputs if last else channels[stage - 1]
        layers += [ResidualBlock(wide, activation) for _ in range(blocks)]
        layers += [norm(wide), h(), Upsample(sizes[stage])]
        layers.append(keeping_scale(nn.Conv2d(wide, narrow, 3, padding=1, bias=not last), inputs=wide * AREA))
    return nn.Sequential(*layers)


def refuse_blocks(blocks: int) -> None:
    """Refuses a negative number of blocks.

    Raises:
        UserError: the number.
    """
    if blocks < 0:
        raise UserError(f"blocks must be at least 0, got {blocks}.")

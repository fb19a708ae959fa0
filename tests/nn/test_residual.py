"""A residual block is the identity at first, and treats each point alone."""

import pytest
import torch
from torch import Tensor

from vaerun.errors import UserError
from vaerun.nn.residual import ResidualBlock, downwards, norm, upwards

pytestmark = pytest.mark.usefixtures("exact")


def normalised(x: Tensor) -> Tensor:
    """Each point of mean 0 and variance 1; four channels are one group."""
    mean, var = x.mean((1, 2, 3), keepdim=True), x.var((1, 2, 3), keepdim=True, correction=0)
    return (x - mean) / (var + 1e-5).sqrt()


def test_a_new_block_is_the_identity_and_can_learn() -> None:
    block, x = ResidualBlock(6, "silu"), torch.randn(2, 6, 5, 4)
    assert torch.equal(block(x), x)
    last = block.change[-1]
    (gradient,) = torch.autograd.grad(block(x).square().sum(), [last.weight])
    assert gradient.abs().sum() > 0


def test_it_is_x_plus_two_convolutions_after_norm_and_activation() -> None:
    block, x = ResidualBlock(4, "tanh"), torch.randn(2, 4, 3, 3)
    torch.nn.init.normal_(block.change[-1].weight)
    first, second = block.change[2], block.change[5]
    inner = first(normalised(x).tanh())
    torch.testing.assert_close(block(x), x + second(normalised(inner).tanh()))


@pytest.mark.parametrize("size", [(32, 32), (7, 5), (1, 1)])
def test_a_point_does_not_depend_on_the_others(size: tuple[int, int]) -> None:
    down, x = downwards(3, [4, 8], 1, "silu"), torch.randn(5, 3, *size)
    for block in down:
        if isinstance(block, ResidualBlock):
            torch.nn.init.normal_(block.change[-1].weight)
    torch.testing.assert_close(down(x)[1:2], down(x[1:2]))
    assert not torch.allclose(down(x)[0], down(x)[1])  # also one pixel keeps what distinguishes points


@pytest.mark.parametrize(("channels", "groups"), [(3, 1), (8, 2), (12, 3), (32, 8), (128, 8), (7, 1)])
def test_a_group_has_at_least_four_channels_if_there_are_as_many(channels: int, groups: int) -> None:
    assert norm(channels).num_groups == groups


@pytest.mark.parametrize("activation", ["relu", "silu"])
def test_the_scale_is_kept_at_any_depth(activation: str) -> None:
    x = torch.randn(16, 3, 32, 32)
    for blocks in (0, 4):
        down, up = (
            downwards(3, [16, 32], blocks, activation),
            upwards(3, [16, 32], blocks, activation, [(32, 32), (16, 16)]),
        )
        image = up(down(x))
        assert image.shape == x.shape
        assert 0.2 < image.std() < 3


def test_a_negative_number_of_blocks_is_refused() -> None:
    with pytest.raises(UserError, match="blocks must be at least 0, got -1"):
        downwards(3, [4], -1, "silu")

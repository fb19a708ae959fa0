"""A_L h(… h(A_1 x)): multilayer perceptrons and convolutional networks for encoders and decoders."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from torch import Tensor, nn

from vaerun.errors import UserError, close_match
from vaerun.nn.activation import Tanh
from vaerun.nn.initial_weights.base import InitialWeights
from vaerun.nn.initial_weights.pytorch import PYTORCH

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": Tanh,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
    "elu": nn.ELU,
    "leaky_relu": nn.LeakyReLU,
    "softplus": nn.Softplus,
    "sigmoid": nn.Sigmoid,
}


KERNEL = 5  # odd, so that stride 2 halves any length (rounded up), and the transposed convolution can invert it


def activation_named(name: str) -> type[nn.Module]:
    """The activation of that name.

    Raises:
        UserError: there is no activation of that name.
    """
    if name not in ACTIVATIONS:
        raise UserError(
            f"activation must be one of {', '.join(ACTIVATIONS)}, got {name}.{close_match(name, ACTIVATIONS)}"
        )
    return ACTIVATIONS[name]


def mlp(sizes: Sequence[int], activation: str, initial_weights: InitialWeights = PYTORCH) -> nn.Sequential:
    """Affine maps with an activation between two of them: layer sizes ``sizes``, no activation after the last layer.

    Raises:
        UserError: no activation of that name, or a layer without units.
    """
    between = activation_named(activation)
    if any(size < 1 for size in sizes):
        raise UserError(f"every size in hidden must be at least 1, got {list(sizes[1:-1])}.")
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(sizes):
        layer = nn.Linear(fan_in, fan_out)
        initial_weights.fill(layer)
        layers += [layer, between()]
    return nn.Sequential(*layers[:-1])


def last_map(network: nn.Sequential) -> nn.Linear:
    """The last affine map of an ``mlp``, whose initial weights decide what the network computes at first."""
    last = network[-1]
    assert isinstance(last, nn.Linear)
    return last


class ImageShape(NamedTuple):
    """The shape (H, W, C) of one data point, stored as X = H W C values row by row."""

    height: int
    width: int
    channels: int

    def image(self, x: Tensor) -> Tensor:
        """Float[Tensor, "B X"] ↦ Float[Tensor, "B C H W"]."""
        return x.unflatten(1, self).movedim(-1, 1)

    def halved(self, times: int) -> list[tuple[int, int]]:
        """(H, W), (⌈H/2⌉, ⌈W/2⌉), …: the ``times`` + 1 sizes of successive halvings."""
        sizes = [(self.height, self.width)]
        for _ in range(times):
            sizes.append(((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2))
        return sizes


def image_shape(data_shape: Sequence[int], channels: Sequence[int], group: str, option: str = "conv") -> ImageShape:
    """The shape of an image of ``data_shape`` (H, W) or (H, W, C), with a check of ``channels``.

    Raises:
        UserError: the data are not images, or a convolution has no channels; the sentence names ``group=option``.
    """
    if len(data_shape) not in (2, 3):
        raise UserError(
            f"{group}={option} needs images of shape (H, W) or (H, W, C), got points of shape {tuple(data_shape)}: use "
            f"{group}=mlp."
        )
    if not channels or any(size < 1 for size in channels):
        raise UserError(f"channels must hold one or more sizes of at least 1, got {list(channels)}.")
    return ImageShape(*data_shape) if len(data_shape) == 3 else ImageShape(data_shape[0], data_shape[1], 1)


def convolutions(shape: ImageShape, channels: Sequence[int], activation: str) -> nn.Sequential:
    """Image ↦ Float[Tensor, "B channels[-1] h w"]: convolutions of stride 2, each followed by an activation."""
    after = activation_named(activation)
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise([shape.channels, *channels]):
        layer = nn.Conv2d(fan_in, fan_out, KERNEL, stride=2, padding=KERNEL // 2)
        layers += [keeping_scale(layer, inputs=fan_in * KERNEL**2), after()]
    return nn.Sequential(*layers)


def transposed_convolutions(shape: ImageShape, channels: Sequence[int], activation: str) -> nn.Sequential:
    """Float[Tensor, "B channels[-1] h w"] ↦ image: the sizes of ``convolutions`` in reverse, no bias in the last."""
    before = activation_named(activation)
    sizes, all_channels = shape.halved(len(channels)), [shape.channels, *channels]
    layers: list[nn.Module] = []
    for i in range(len(channels), 0, -1):
        lost = (1 - sizes[i - 1][0] % 2, 1 - sizes[i - 1][1] % 2)  # lengths 2n and 2n − 1 have the same half, n
        layer = nn.ConvTranspose2d(
            all_channels[i],
            all_channels[i - 1],
            KERNEL,
            stride=2,
            padding=KERNEL // 2,
            output_padding=lost,
            bias=i > 1,
        )
        layers += [before(), keeping_scale(layer, inputs=all_channels[i] * KERNEL**2 / 4)]
    return nn.Sequential(*layers)


def keeping_scale(layer: nn.Conv2d | nn.ConvTranspose2d, *, inputs: float) -> nn.Module:
    """The layer with initial weights N(0, 2/``inputs``) and bias 0; ``inputs`` is the number of inputs of one output.

    With torch's own initial weights, each rectified layer divides the variance of a signal by six, and a deep decoder
    learns to ignore z.

    Reference: He et al. 2015, Delving deep into rectifiers, eq. 10.
    """
    nn.init.normal_(layer.weight, std=(2 / inputs) ** 0.5)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer

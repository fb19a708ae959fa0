"""Multilayer perceptrons, as encoders and decoders use them."""

from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from vaerun.errors import UserError, close_match

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
    "elu": nn.ELU,
    "leaky_relu": nn.LeakyReLU,
    "softplus": nn.Softplus,
    "sigmoid": nn.Sigmoid,
}


def mlp(sizes: Sequence[int], activation: str) -> nn.Sequential:
    """Affine maps between ``sizes`` with an activation between them, none after the last.

    Raises:
        UserError: no activation of that name, or a layer without units.
    """
    if activation not in ACTIVATIONS:
        raise UserError(
            f"activation={activation} is not known.{close_match(activation, ACTIVATIONS)} Choose one of "
            f"{', '.join(ACTIVATIONS)}."
        )
    if any(size < 1 for size in sizes):
        raise UserError(f"hidden={list(sizes[1:-1])} has a layer without units: give sizes of 1 or more.")
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(sizes):
        layers += [nn.Linear(fan_in, fan_out), ACTIVATIONS[activation]()]
    return nn.Sequential(*layers[:-1])

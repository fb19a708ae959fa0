"""What families of several layers of z have in common: the sizes of the layers, and networks that start near zero."""

from collections.abc import Sequence

import torch
from torch import nn

from vaerun.errors import UserError
from vaerun.nn.network import last_map


def sizes_of_layers(option: str, latent_dim: int, latent_layers: Sequence[int]) -> list[int]:
    """D_1, …, D_L of the model; for a model without layers, the halves of z.

    Args:
        option: the name of the family.
        latent_dim: D.
        latent_layers: the layers of the model; empty if it has none.

    Raises:
        UserError: the layers do not have D coordinates together, or one has none.
    """
    sizes = list(latent_layers) or [size for size in (latent_dim - latent_dim // 2, latent_dim // 2) if size]
    if sum(sizes) != latent_dim or min(sizes) < 1:
        raise UserError(
            f"the layers of posterior={option} must have at least 1 coordinate each and {latent_dim} together, "
            f"got {sizes}: use those of the model."
        )
    return sizes


@torch.no_grad()
def near_zero(network: nn.Sequential) -> nn.Sequential:
    """The network with its last map times 0.01: outputs near 0, but with a gradient for the maps before it."""
    last = last_map(network)
    last.weight.mul_(0.01)
    last.bias.mul_(0.01)
    return network

"""p_θ(z) = Π_v Categorical(z_v; softmax(logits_v)), learned, z one-hot blocks."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from vaerun.config.ranges import at_least
from vaerun.errors import UserError
from vaerun.model.prior.base import Prior


class CategoricalPrior(Prior):
    """p_θ(z) = Π_v Categorical(z_v; softmax(logits_v)) over one-hot blocks; the logits are part of θ and start at 0.

    Args:
        latent_dim: D, the total length of all blocks.
        num_classes: C, the length of a block, a divisor of D.

    Raises:
        UserError: C is below 2 or does not divide D.

    Reference: Jang, Gu, Poole 2017, Categorical reparameterization with Gumbel-softmax.
    """

    support: ClassVar[str] = "categorical"

    def __init__(self, *, latent_dim: int, num_classes: int) -> None:
        super().__init__(latent_dim=latent_dim)
        at_least("model.prior.num_classes", num_classes, 2)
        self.block = blocks_of(latent_dim, num_classes)
        self.logits = nn.Parameter(torch.zeros(latent_dim))

    def log_prob(self, z: Tensor) -> Tensor:
        return (z * self.logits.unflatten(0, (-1, self.block)).log_softmax(-1).flatten()).sum(-1)

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        exponential = self.logits.new_empty(n, self.latent_dim).exponential_()
        blocks = (self.logits - exponential.log()).unflatten(-1, (-1, self.block))  # Gumbel-max
        return torch.zeros_like(blocks).scatter_(-1, blocks.argmax(-1, keepdim=True), 1.0).flatten(-2)


def blocks_of(latent_dim: int, num_classes: int) -> int:
    """``num_classes``, if one-hot blocks of that length make up z.

    Raises:
        UserError: latent_dim is not a multiple of num_classes.
    """
    if latent_dim % num_classes:
        fitting = max(num_classes, round(latent_dim / num_classes) * num_classes)
        raise UserError(
            f"model.latent_dim must be a multiple of posterior.num_classes={num_classes}, got {latent_dim}: use "
            f"model.latent_dim={fitting}, or another posterior.num_classes."
        )
    return num_classes

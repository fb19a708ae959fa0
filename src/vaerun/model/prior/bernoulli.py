"""p_θ(z) = Π_d Bernoulli(z_d; σ(logit_d)), learned."""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from vaerun.model.prior.base import Prior


class BernoulliPrior(Prior):
    """p_θ(z) = Π_d Bernoulli(z_d; σ(logit_d)) over z in {0, 1}^D; the logits are part of θ and start at 0.

    Reference: Mnih, Gregor 2014, Neural variational inference and learning in belief networks, §4.
    """

    support: ClassVar[str] = "binary"

    def __init__(self, *, latent_dim: int) -> None:
        super().__init__(latent_dim=latent_dim)
        self.logits = nn.Parameter(torch.zeros(latent_dim))

    def log_prob(self, z: Tensor) -> Tensor:
        return (z * self.logits + logsigmoid(-self.logits)).sum(-1)

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        noise = torch.rand(n, self.latent_dim, device=self.logits.device, dtype=self.logits.dtype)
        return (noise < self.logits.sigmoid()).to(self.logits.dtype)

"""p(z) = N(z; 0, I)."""

from typing import ClassVar

import torch
from torch import Tensor

from vaerun.model.prior.base import IndependentNormal, Prior
from vaerun.nn.normal import HALF_LOG_2PI


class StandardNormal(Prior, IndependentNormal):
    """p(z) = N(z; 0, I), without parameters.

    Reference: Kingma, Welling 2014, Auto-encoding variational Bayes, §3.
    """

    support: ClassVar[str] = "real"
    device_of: Tensor

    def __init__(self, *, latent_dim: int) -> None:
        super().__init__(latent_dim=latent_dim)
        # The prior has no weights, so this buffer gives the device and type of its samples.
        self.register_buffer("device_of", torch.zeros(()), persistent=False)

    def log_prob(self, z: Tensor) -> Tensor:
        return -0.5 * z.square().sum(-1) - self.latent_dim * HALF_LOG_2PI

    def standardised(self, location: Tensor, log_scale: Tensor) -> tuple[Tensor, Tensor]:
        return location, log_scale

    def sample(self, n: int) -> Tensor:
        return torch.randn(n, self.latent_dim, device=self.device_of.device, dtype=self.device_of.dtype)

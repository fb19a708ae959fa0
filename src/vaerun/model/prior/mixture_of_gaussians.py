"""p_θ(z) = Σ_m π_m N(z; μ_m, diag σ_m²), learned."""

import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from vaerun.config.ranges import at_least
from vaerun.model.prior.base import Prior
from vaerun.nn.bounded_scale import bounded_log_scale
from vaerun.nn.normal import HALF_LOG_2PI


class MixtureOfGaussians(Prior):
    """p_θ(z) = Σ_m π_m N(z; μ_m, diag σ_m²); means, scales and weights are part of θ.

    It starts near N(0, I), with half of the variance between the components and half within them, because equal
    components would have equal gradients.

    Args:
        latent_dim: D.
        num_components: M.

    Raises:
        UserError: M < 1.

    Reference: Tomczak, Welling 2018, VAE with a VampPrior (its mixture of Gaussians).
    """

    support: ClassVar[str] = "real"

    def __init__(self, *, latent_dim: int, num_components: int = 10) -> None:
        super().__init__(latent_dim=latent_dim)
        at_least("model.prior.num_components", num_components, 1)
        self.logits = nn.Parameter(torch.zeros(num_components))
        self.mu = nn.Parameter(math.sqrt(0.5) * torch.randn(num_components, latent_dim))
        self.raw_log_sigma = nn.Parameter(torch.full((num_components, latent_dim), 0.5 * math.log(0.5)))

    def log_prob(self, z: Tensor) -> Tensor:
        log_sigma = bounded_log_scale(self.raw_log_sigma)
        squares = ((z.unsqueeze(-2) - self.mu) * (-log_sigma).exp()).square().sum(-1)  # [*K, B, M]
        log_components = -0.5 * squares - (log_sigma + HALF_LOG_2PI).sum(-1)
        return (self.logits.log_softmax(0) + log_components).logsumexp(-1)

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        m = self.logits.softmax(0).multinomial(n, replacement=True)
        noise = torch.randn(n, self.latent_dim, device=self.mu.device, dtype=self.mu.dtype)
        return self.mu[m] + bounded_log_scale(self.raw_log_sigma[m]).exp() * noise

"""z = μ + σ T(ε), ε ~ N(0, I): log q(z; φ) = log N(ε; 0, I) − log|det ∂T/∂ε| − Σ_d log σ_d."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from vaerun.nn.normal import HALF_LOG_2PI
from vaerun.posterior.base import Reparameterized


class Flow(Reparameterized, ABC):
    """z = μ + σ T(ε) with an invertible T that is near the identity at the start.

    The location and scale of each point are applied after T, so T acts on standardised values.

    Args:
        mu: μ, Float[Tensor, "B D"].
        log_sigma: log σ, Float[Tensor, "B D"].

    Reference: Rezende, Mohamed 2015, Variational inference with normalizing flows, §3.
    """

    def __init__(self, mu: Tensor, log_sigma: Tensor) -> None:
        self.mu, self.log_sigma = mu, log_sigma

    @abstractmethod
    def transform(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        """(T(ε), log|det ∂T/∂ε|), Float[Tensor, "K B D"] ↦ Float[Tensor, "K B D"], Float[Tensor, "K B"]."""

    @abstractmethod
    def inverse(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """(T⁻¹(y), log|det ∂T/∂ε| there), Float[Tensor, "K B D"] ↦ Float[Tensor, "K B D"], Float[Tensor, "K B"]."""

    def noise(self, k: int) -> Tensor:
        return torch.randn(k, *self.mu.shape, device=self.mu.device, dtype=self.mu.dtype)

    def transport(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        y, log_det = self.transform(noise)
        return self.mu + self.log_sigma.exp() * y, self._log_density(noise, log_det)

    @torch.no_grad()
    def sample(self, k: int) -> Tensor:
        return self.transport(self.noise(k))[0]

    def log_prob(self, z: Tensor) -> Tensor:
        return self._log_density(*self.inverse((z - self.mu) * (-self.log_sigma).exp()))

    def _log_density(self, noise: Tensor, log_det: Tensor) -> Tensor:
        return -0.5 * noise.square().sum(-1) - log_det - (self.log_sigma + HALF_LOG_2PI).sum(-1)

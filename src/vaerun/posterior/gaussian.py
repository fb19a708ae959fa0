"""q(z; φ) = N(z; μ, diag σ²), φ = (μ, raw log σ)."""

from typing import ClassVar

import torch
from torch import Tensor

from vaerun.model.prior.base import IndependentNormal, PriorDensity
from vaerun.nn.bounded_scale import bounded_log_scale, location_scale
from vaerun.nn.normal import HALF_LOG_2PI
from vaerun.posterior.base import ClosedFormKL, ClosedFormStd, Family, KnownScore, Reparameterized


class DiagonalGaussian(Reparameterized, ClosedFormStd, KnownScore, ClosedFormKL):
    """N(z; μ, diag σ²).

    Args:
        mu: μ, Float[Tensor, "B D"].
        log_sigma: log σ, Float[Tensor, "B D"].
    """

    closed_form_with: ClassVar[tuple[type[PriorDensity], ...]] = (IndependentNormal,)

    def __init__(self, mu: Tensor, log_sigma: Tensor) -> None:
        self.mu, self.log_sigma = mu, log_sigma

    def noise(self, k: int) -> Tensor:
        return torch.randn(k, *self.mu.shape, device=self.mu.device, dtype=self.mu.dtype)

    def transport(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        z = self.mu + self.log_sigma.exp() * noise
        log_q = -0.5 * noise.square().sum(-1) - (self.log_sigma + HALF_LOG_2PI).sum(-1)
        return z, log_q

    def sample(self, k: int) -> Tensor:
        with torch.no_grad():
            return self.mu + self.log_sigma.exp() * self.noise(k)

    def log_prob(self, z: Tensor) -> Tensor:
        standardised = (z - self.mu) * (-self.log_sigma).exp()
        return -0.5 * standardised.square().sum(-1) - (self.log_sigma + HALF_LOG_2PI).sum(-1)

    def frozen(self) -> "DiagonalGaussian":
        return DiagonalGaussian(self.mu.detach(), self.log_sigma.detach())

    @torch.no_grad()
    def squared_score(self, z: Tensor) -> Tensor:
        """Σ_d (ε_d/σ_d)² + (ε_d² − 1)² with ε = (z − μ)/σ: in μ and log σ."""
        scale = (-self.log_sigma).exp()
        square = ((z - self.mu) * scale).square()
        return (square * scale.square() + (square - 1).square()).sum(-1)

    def mean(self) -> Tensor:
        return self.mu

    def std(self) -> Tensor:
        return self.log_sigma.exp()

    def kl(self, prior: PriorDensity) -> Tensor:
        """½ Σ_d (σ_d² + μ_d² − 1 − 2 log σ_d), at μ and σ of (z − m)/s, Float[Tensor, "B"]."""
        assert isinstance(prior, IndependentNormal)
        mu, log_sigma = prior.standardised(self.mu, self.log_sigma)
        return 0.5 * ((2 * log_sigma).exp() + mu.square() - 1 - 2 * log_sigma).sum(-1)


class Gaussian(Family):
    """q(z; φ) = N(z; μ, diag σ²) with φ = (μ, s) and log σ = 7 tanh(s / 7), P = 2D; φ = 0 is the standard normal.

    Reference: Kingma, Welling 2014, Auto-encoding variational Bayes, eq. 9.
    """

    posterior: ClassVar = DiagonalGaussian
    support: ClassVar[str] = "real"

    @property
    def num_parameters(self) -> int:
        return 2 * self.latent_dim

    def initial(self) -> Tensor:
        return torch.zeros(self.num_parameters)

    def scale(self, phi: Tensor) -> Tensor:
        return location_scale(phi, self.latent_dim)

    def forward(self, phi: Tensor) -> DiagonalGaussian:
        mu, raw = phi.chunk(2, dim=-1)
        return DiagonalGaussian(mu, bounded_log_scale(raw))

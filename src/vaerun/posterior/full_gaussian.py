"""q(z; φ) = N(z; μ, L Lᵀ), φ = (μ, raw log σ, raw N), L = diag σ (I + N) with N strictly lower triangular."""

from typing import ClassVar

import torch
from torch import Tensor

from vaerun.model.prior.base import IndependentNormal, PriorDensity
from vaerun.nn.bounded_scale import bounded_log_scale, location_scale
from vaerun.nn.normal import HALF_LOG_2PI
from vaerun.posterior.base import ClosedFormKL, ClosedFormStd, Family, Reparameterized


class CorrelatedGaussian(Reparameterized, ClosedFormStd, ClosedFormKL):
    """N(z; μ, L Lᵀ) with L = diag σ (I + N).

    Args:
        mu: μ, Float[Tensor, "B D"].
        log_sigma: log σ, the logarithm of L's diagonal, Float[Tensor, "B D"].
        below: N, strictly lower triangular: row d of L below its diagonal, in units of σ_d, Float[Tensor, "B D D"].
    """

    closed_form_with: ClassVar[tuple[type[PriorDensity], ...]] = (IndependentNormal,)

    def __init__(self, mu: Tensor, log_sigma: Tensor, below: Tensor) -> None:
        self.mu, self.log_sigma, self.below = mu, log_sigma, below

    def noise(self, k: int) -> Tensor:
        return torch.randn(k, *self.mu.shape, device=self.mu.device, dtype=self.mu.dtype)

    def transport(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        correlated = noise + torch.einsum("bde,kbe->kbd", self.below, noise)
        return self.mu + self.log_sigma.exp() * correlated, self._log_density(noise)

    def sample(self, k: int) -> Tensor:
        with torch.no_grad():
            return self.transport(self.noise(k))[0]

    def log_prob(self, z: Tensor) -> Tensor:
        correlated = (z - self.mu) * (-self.log_sigma).exp()
        solved = torch.linalg.solve_triangular(self.below, correlated.permute(1, 2, 0), upper=False, unitriangular=True)
        return self._log_density(solved.permute(2, 0, 1))

    def _log_density(self, noise: Tensor) -> Tensor:
        return -0.5 * noise.square().sum(-1) - (self.log_sigma + HALF_LOG_2PI).sum(-1)

    def frozen(self) -> "CorrelatedGaussian":
        return CorrelatedGaussian(self.mu.detach(), self.log_sigma.detach(), self.below.detach())

    def mean(self) -> Tensor:
        return self.mu

    def std(self) -> Tensor:
        """The length of row d of L: σ_d (1 + |N_d|²)^½."""
        return self.log_sigma.exp() * (1 + self.below.square().sum(-1)).sqrt()

    def kl(self, prior: PriorDensity) -> Tensor:
        """½ [tr(L Lᵀ) + μᵀμ − D − 2 Σ_d log σ_d], at μ and σ of (z − m)/s, Float[Tensor, "B"]."""
        assert isinstance(prior, IndependentNormal)
        mu, log_sigma = prior.standardised(self.mu, self.log_sigma)
        variance = (2 * log_sigma).exp() * (1 + self.below.square().sum(-1))
        return 0.5 * (variance + mu.square() - 1 - 2 * log_sigma).sum(-1)


class FullGaussian(Family):
    """q(z; φ) = N(z; μ, L Lᵀ) with L = diag σ (I + N), P = D + D(D + 1)/2; φ = 0 is the standard normal.

    φ = (μ, s, n) with log σ = 7 tanh(s / 7), and 7 tanh(n / 7) the entries of N row by row: entries of L left of the
    diagonal are at most 7 times the σ of their row, so L does not overflow.

    Reference: Kingma, Welling 2019, An introduction to variational autoencoders, §2.5.1 (full-covariance Gaussian).
    """

    posterior: ClassVar = CorrelatedGaussian
    support: ClassVar[str] = "real"
    contains_posterior: ClassVar[bool] = True
    lower: Tensor

    def __init__(self, *, latent_dim: int) -> None:
        super().__init__(latent_dim=latent_dim)
        # Not saved: it follows from D.
        self.register_buffer("lower", torch.tril_indices(latent_dim, latent_dim, offset=-1), persistent=False)

    @property
    def num_parameters(self) -> int:
        return self.latent_dim + self.latent_dim * (self.latent_dim + 1) // 2

    def initial(self) -> Tensor:
        return torch.zeros(self.num_parameters)

    def scale(self, phi: Tensor) -> Tensor:
        return location_scale(phi, self.latent_dim)

    def forward(self, phi: Tensor) -> CorrelatedGaussian:
        dim = self.latent_dim
        mu, raw, entries = phi.split((dim, dim, self.num_parameters - 2 * dim), dim=-1)
        below = phi.new_zeros(len(phi), dim, dim)
        below[:, self.lower[0], self.lower[1]] = bounded_log_scale(entries)
        return CorrelatedGaussian(mu, bounded_log_scale(raw), below)

"""q(z; φ) = N(z; μ, diag σ (I + W Wᵀ) diag σ), φ = (μ, raw log σ, raw W), W of R columns."""

from typing import ClassVar

import torch
from torch import Tensor

from vaerun.config.ranges import at_least
from vaerun.model.prior.base import IndependentNormal, PriorDensity
from vaerun.nn.bounded_scale import bounded_log_scale, location_scale
from vaerun.nn.normal import HALF_LOG_2PI
from vaerun.posterior.base import ClosedFormKL, ClosedFormStd, Family, Reparameterized
from vaerun.posterior.pattern import waves


class FactorGaussian(Reparameterized, ClosedFormStd, ClosedFormKL):
    """N(z; μ, diag σ² + V Vᵀ) with V = diag σ W: independent noise and R common factors.

    Only the R × R matrix C = I + WᵀW is factorised: log|I + WWᵀ| = log|C|, and (I + WWᵀ)⁻¹ = I − W C⁻¹ Wᵀ.

    Args:
        mu: μ, Float[Tensor, "B D"].
        log_sigma: log σ, Float[Tensor, "B D"].
        factors: W, Float[Tensor, "B D R"].
    """

    closed_form_with: ClassVar[tuple[type[PriorDensity], ...]] = (IndependentNormal,)

    def __init__(self, mu: Tensor, log_sigma: Tensor, factors: Tensor) -> None:
        self.mu, self.log_sigma, self.factors = mu, log_sigma, factors
        identity = torch.eye(factors.shape[-1], device=mu.device, dtype=mu.dtype)
        self.root = torch.linalg.cholesky(identity + factors.mT @ factors)  # of C
        self.half_log_det = self.root.diagonal(dim1=-2, dim2=-1).log().sum(-1)

    def noise(self, k: int) -> Tensor:
        """Standard normal: D coordinates of the independent part, then one per factor; Float[Tensor, "K B D+R"]."""
        length = self.mu.shape[1] + self.factors.shape[2]
        return torch.randn(k, len(self.mu), length, device=self.mu.device, dtype=self.mu.dtype)

    def transport(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        own, common = noise.split((self.mu.shape[1], self.factors.shape[2]), dim=-1)
        standardised = own + torch.einsum("bdr,kbr->kbd", self.factors, common)
        return self.mu + self.log_sigma.exp() * standardised, self._log_density(standardised)

    def sample(self, k: int) -> Tensor:
        with torch.no_grad():
            return self.transport(self.noise(k))[0]

    def log_prob(self, z: Tensor) -> Tensor:
        return self._log_density((z - self.mu) * (-self.log_sigma).exp())

    def _log_density(self, y: Tensor) -> Tensor:
        # yᵀ(I + WWᵀ)⁻¹y as a sum of squares, |y − Wη|² + |η|² at η = C⁻¹Wᵀy: a difference would cancel.
        projected = torch.einsum("bdr,kbd->brk", self.factors, y)
        eta = torch.cholesky_solve(projected, self.root)
        rest = y - torch.einsum("bdr,brk->kbd", self.factors, eta)
        square = rest.square().sum(-1) + eta.square().sum(1).T
        return -0.5 * square - self.half_log_det - (self.log_sigma + HALF_LOG_2PI).sum(-1)

    def frozen(self) -> "FactorGaussian":
        return FactorGaussian(self.mu.detach(), self.log_sigma.detach(), self.factors.detach())

    def mean(self) -> Tensor:
        return self.mu

    def std(self) -> Tensor:
        """σ_d (1 + |W_d|²)^½."""
        return self.log_sigma.exp() * (1 + self.factors.square().sum(-1)).sqrt()

    def kl(self, prior: PriorDensity) -> Tensor:
        """½ [Σ_d σ_d² (1 + |W_d|²) + μ_d² − 1 − 2 log σ_d − log|C|], at μ and σ of (z − m)/s, Float[Tensor, "B"]."""
        assert isinstance(prior, IndependentNormal)
        mu, log_sigma = prior.standardised(self.mu, self.log_sigma)
        variance = (2 * log_sigma).exp() * (1 + self.factors.square().sum(-1))
        return 0.5 * (variance + mu.square() - 1 - 2 * log_sigma).sum(-1) - self.half_log_det


class LowRankGaussian(Family):
    """q(z; φ) = N(z; μ, diag σ² + V Vᵀ) with V = diag σ W of R columns, P = D (2 + R).

    φ = (μ, s, w) with log σ = 7 tanh(s / 7) and 7 tanh(w / 7) the entries of W. The initial W is small and not 0,
    because at W = 0 the gradient in W is zero by symmetry.

    Args:
        latent_dim: D.
        rank: R.

    Raises:
        UserError: R < 1.

    Reference: Ong, Nott, Smith 2018, Gaussian variational approximation with a factor covariance structure.
    """

    posterior: ClassVar = FactorGaussian
    support: ClassVar[str] = "real"
    contains_posterior: ClassVar[bool] = True

    def __init__(self, *, latent_dim: int, rank: int = 2) -> None:
        super().__init__(latent_dim=latent_dim)
        at_least("posterior.rank", rank, 1, "use posterior=gaussian for a diagonal covariance")
        self.rank = rank

    @property
    def num_parameters(self) -> int:
        return self.latent_dim * (2 + self.rank)

    def initial(self) -> Tensor:
        factors = 0.1 * waves(self.latent_dim, self.rank)
        return torch.cat((torch.zeros(2 * self.latent_dim), factors.flatten()))

    def scale(self, phi: Tensor) -> Tensor:
        return location_scale(phi, self.latent_dim)

    def forward(self, phi: Tensor) -> FactorGaussian:
        dim = self.latent_dim
        mu, raw, entries = phi.split((dim, dim, dim * self.rank), dim=-1)
        factors = bounded_log_scale(entries).unflatten(-1, (dim, self.rank))
        return FactorGaussian(mu, bounded_log_scale(raw), factors)

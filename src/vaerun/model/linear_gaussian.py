"""z ~ N(0, I), x given z ~ N(Wz + μ, σ² I): the model with all quantities in closed form."""

import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from vaerun.model.base import ExactMarginal
from vaerun.model.prior.standard_normal import StandardNormal
from vaerun.nn.bounded_scale import bounded_log_scale

LOG_2PI = math.log(2 * math.pi)


class LinearGaussian(ExactMarginal):
    """z ~ N(0, I_D), x given z ~ N(Wz + μ, σ² I_X), with C = WWᵀ + σ²I and M = WᵀW + σ²I.

    Args:
        latent_dim: D.
        data_mean: the initial μ, Float[Tensor, "X"].
        data_std: the initial σ.

    Reference: Tipping, Bishop 1999, Probabilistic principal component analysis, eqs. 1-8.
    """

    support: ClassVar[str] = "real"
    data_support: ClassVar[str] = "real"
    normalized: ClassVar[bool] = True

    def __init__(self, *, latent_dim: int, data_mean: Tensor, data_std: float) -> None:
        super().__init__(latent_dim=latent_dim, prior=StandardNormal(latent_dim=latent_dim))
        # W = 0 is a saddle point of the likelihood, so W starts near it.
        self.W = nn.Parameter(0.1 * data_std * torch.randn(len(data_mean), latent_dim))
        self.mu = nn.Parameter(data_mean.clone())
        self.raw_log_sigma = nn.Parameter(torch.zeros(()))
        self.data_std = data_std

    @property
    def is_density(self) -> bool:
        return True

    def log_sigma(self) -> Tensor:
        """log σ, Float[Tensor, ""]."""
        return math.log(self.data_std) + bounded_log_scale(self.raw_log_sigma)

    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        log_sigma = self.log_sigma()
        squares = ((x - self.mean(z)) * (-log_sigma).exp()).square().sum(-1)
        return -0.5 * squares - len(self.mu) * (log_sigma + 0.5 * LOG_2PI)

    def mean(self, z: Tensor) -> Tensor:
        return z @ self.W.T + self.mu

    @torch.no_grad()
    def observe(self, z: Tensor) -> Tensor:
        mean = self.mean(z)
        return mean + self.log_sigma().exp() * torch.randn_like(mean)

    def precision(self) -> Tensor:
        """Λ = M/σ² = WᵀW/σ² + I, the posterior's precision, the same for every x, Float[Tensor, "D D"]."""
        identity = torch.eye(self.latent_dim, dtype=self.W.dtype, device=self.W.device)
        return self.W.T @ self.W * (-2 * self.log_sigma()).exp() + identity

    def exact_posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """p(z given x) = N(M⁻¹Wᵀ(x − μ), σ²M⁻¹): mean Float[Tensor, "B D"], covariance Float[Tensor, "D D"]."""
        covariance = self.precision().inverse()
        return (x - self.mu) @ self.W @ covariance * (-2 * self.log_sigma()).exp(), covariance

    def exact_log_prob(self, x: Tensor) -> Tensor:
        """log p(x) = log N(x; μ, C) in nats: Float[Tensor, "B X"] ↦ Float[Tensor, "B"]."""
        C = self.W @ self.W.T + (2 * self.log_sigma()).exp() * torch.eye(len(self.mu), dtype=x.dtype, device=x.device)
        factor = torch.linalg.cholesky(C)
        white = torch.linalg.solve_triangular(factor, (x - self.mu).T, upper=False)
        return -0.5 * white.square().sum(0) - factor.diagonal().log().sum() - 0.5 * len(self.mu) * LOG_2PI

    def diagonal_gap(self) -> Tensor:
        """½ [Σ_i ln M_ii − ln|M|]: the approximation gap of a diagonal q in nats, at every x, Float[Tensor, ""]."""
        precision = self.precision()
        return 0.5 * (precision.diagonal().log().sum() - torch.linalg.slogdet(precision).logabsdet)


def maximum_log_likelihood(x: Tensor, latent_dim: int) -> float:
    """ℓ_max = −½[d ln 2π + Σ_{i≤D} ln λ_i + (d − D) ln σ² + d] with σ² the mean of the other eigenvalues of S.

    The largest mean log-likelihood that a linear-Gaussian model with D = ``latent_dim`` reaches on x, in nats per
    datum.

    Args:
        x: Float[Tensor, "N X"].
        latent_dim: D < X.

    Reference: Tipping, Bishop 1999, Probabilistic principal component analysis, eqs. 4, 7 and 8.
    """
    centred = (x - x.mean(0)).double()
    eigenvalues = torch.linalg.eigvalsh(centred.T @ centred / len(x)).flip(0)
    rest = eigenvalues[latent_dim:]
    d = x.shape[1]
    log_determinant = eigenvalues[:latent_dim].log().sum() + len(rest) * rest.mean().log()
    return float(-0.5 * (d * LOG_2PI + log_determinant + d))

"""z ~ N(0, I), y given z ~ N(Wz + μ, diag σ²): what models with a normal, affine decoder share."""

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from vaerun.model.base import ExactMarginal
from vaerun.model.prior.standard_normal import StandardNormal
from vaerun.nn.bounded_scale import bounded_log_scale
from vaerun.nn.normal import HALF_LOG_2PI
from vaerun.nn.units import Units
from vaerun.notation import Column


class AffineGaussian(ExactMarginal):
    """z ~ N(0, I_D), y given z ~ N(Wz + μ, diag σ²), with C = WWᵀ + diag σ² and Λ = Wᵀ diag(σ⁻²) W + I.

    y is x, in standardised units where the columns of x are standardised; log p is that of x as it is given. With a
    condition c of C numbers, μ is the affine function μ + Vc of it, V [X, C].

    Args:
        latent_dim: D.
        data_mean: its y is the initial μ, Float[Tensor, "X"].
        data_std: the standard deviation of the data, the initial σ; 1 where columns are standardised.
        given_names: names of the numbers in c; empty without a condition.
        columns: those of x, if the data declare them.
        missing: whether values of x can be missing (nan). All quantities are then those of the observed coordinates of
            a point: the normal distribution has its marginals in closed form.
    """

    support: ClassVar[str] = "real"
    data_support: ClassVar[str] = "real"
    normalized: ClassVar[bool] = True
    kinds: ClassVar[tuple[str, ...]] = ("real",)

    def __init__(
        self,
        *,
        latent_dim: int,
        data_mean: Tensor,
        data_std: float,
        given_names: Sequence[str] = (),
        columns: Sequence[Column] = (),
        missing: bool = False,
    ) -> None:
        prior = StandardNormal(latent_dim=latent_dim)
        super().__init__(latent_dim=latent_dim, prior=prior, given_names=given_names, missing=missing)
        self.units = Units(columns)
        self.data_std = 1.0 if any(c.standardised for c in columns) else data_std
        # W = 0 is a saddle point of the likelihood, so W starts near it.
        self.W = nn.Parameter(0.1 * self.data_std * torch.randn(len(data_mean), latent_dim))
        self.mu = nn.Parameter(self.units(data_mean).clone())
        self.V = nn.Parameter(torch.zeros(len(data_mean), self.given_dim)) if self.given_dim else None
        self.raw_log_sigma = nn.Parameter(torch.zeros(self.sigma_shape(len(data_mean))))

    @property
    def is_density(self) -> bool:
        return True

    @property
    def with_noise(self) -> bool:
        return self.units.noise

    @staticmethod
    @abstractmethod
    def sigma_shape(data_dim: int) -> tuple[int, ...]:
        """The shape of σ: () for one σ of all coordinates, (X,) for one of each.

        Args:
            data_dim: X.
        """

    def log_sigma(self) -> Tensor:
        """log σ, Float[Tensor, ""] or Float[Tensor, "X"]."""
        return math.log(self.data_std) + bounded_log_scale(self.raw_log_sigma)

    def offset(self, given: Tensor | None) -> Tensor:
        """μ, or μ + Vc of each point, Float[Tensor, "#B X"]."""
        return self.mu if self.V is None else self.needed(given) @ self.V.T + self.mu

    def location(self, z: Tensor, given: Tensor | None) -> Tensor:
        """Wz + μ, or Wz + μ + Vc, Float[Tensor, "*K B X"]."""
        return z @ self.W.T + self.offset(given)

    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        if self.missing:
            observed = ~self.values(x).isnan()
            return torch.where(observed, self.terms(x.nan_to_num(1.0), z), 0.0).sum(-1)
        log_sigma, values = self.log_sigma(), self.values(x)
        squares = ((self.units(values) - self.location(z, self.given(x))) * (-log_sigma).exp()).square().sum(-1)
        return -0.5 * squares - len(self.mu) * (log_sigma.mean() + HALF_LOG_2PI) + self.units.log_volume(values)

    def terms(self, x: Tensor, z: Tensor) -> Tensor:
        log_sigma, values = self.log_sigma(), self.values(x)
        scaled = (self.units(values) - self.location(z, self.given(x))) * (-log_sigma).exp()
        return -0.5 * scaled.square() - log_sigma - HALF_LOG_2PI + self.units.log_volumes(values)

    def mean(self, z: Tensor, given: Tensor | None = None) -> Tensor:
        return self.units.inverse(self.location(z, given))

    @torch.no_grad()
    def observe(self, z: Tensor, given: Tensor | None = None) -> Tensor:
        location = self.location(z, given)
        return self.units.inverse(location + self.log_sigma().exp() * torch.randn_like(location))

    def precision(self, x: Tensor | None = None) -> Tensor:
        """Λ = Wᵀ diag(σ⁻²) W + I, the posterior's precision, the same for every complete x, Float[Tensor, "D D"].

        Args:
            x: points with missing values (nan), each of which has its own Λ, Float[Tensor, "B D D"]; None for complete
                points.
        """
        identity = torch.eye(self.latent_dim, dtype=self.W.dtype, device=self.W.device)
        if x is None:
            return self._weighted().T @ self.W + identity
        observed = (~self.values(x).isnan()).to(self.W.dtype).unsqueeze(-1)
        return (observed * self._weighted()).mT @ self.W + identity

    def exact_posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """p(z given x) = N(Λ⁻¹Wᵀ diag(σ⁻²)(y − μ), Λ⁻¹): mean Float[Tensor, "B D"], covariance Float[Tensor, "D D"].

        With missing values, every point has its own covariance, Float[Tensor, "B D D"].
        """
        covariance = self.precision(x if self.missing else None).inverse()
        weighted = self._centred(x) @ self._weighted()
        return (weighted.unsqueeze(1) @ covariance).squeeze(1) if self.missing else weighted @ covariance, covariance

    def exact_log_prob(self, x: Tensor) -> Tensor:
        """log p(x) = log N(y; μ, C) |∂y/∂x| in nats: Float[Tensor, "B X"] ↦ Float[Tensor, "B"]."""
        if self.missing:
            return self._observed_log_prob(x)
        variances = (2 * self.log_sigma()).exp().expand(len(self.mu))
        factor = torch.linalg.cholesky(self.W @ self.W.T + variances.diag().to(x.dtype))
        white = torch.linalg.solve_triangular(factor, self._centred(x).T, upper=False)
        log_p = -0.5 * white.square().sum(0) - factor.diagonal().log().sum() - len(self.mu) * HALF_LOG_2PI
        return log_p + self.units.log_volume(self.values(x))

    def diagonal_gap(self, x: Tensor | None = None) -> Tensor:
        """½ [Σ_i ln Λ_ii − ln|Λ|]: the approximation gap of a diagonal q in nats, at every x, Float[Tensor, ""].

        Args:
            x: points with missing values (nan), each with its own gap, Float[Tensor, "B"]; None for complete points.
        """
        precision = self.precision(x)
        diagonal = precision.diagonal(dim1=-2, dim2=-1)
        return 0.5 * (diagonal.log().sum(-1) - torch.linalg.slogdet(precision).logabsdet)

    def _centred(self, x: Tensor) -> Tensor:
        """y − μ, or y − μ − Vc, Float[Tensor, "B X"]; 0 where x is missing."""
        values = self.values(x)
        if not self.missing:
            return self.units(values) - self.offset(self.given(x))
        centred = self.units(values.nan_to_num(1.0)) - self.offset(self.given(x))
        return torch.where(values.isnan(), 0.0, centred)

    def _observed_log_prob(self, x: Tensor) -> Tensor:
        """log N(y_o; μ_o, C_oo) |∂y_o/∂x_o| of the observed coordinates o of every point, Float[Tensor, "B"].

        With m the mean of p(z given x_o): (y_o − μ_o)ᵀ C_oo⁻¹ (y_o − μ_o) = ‖(y_o − μ_o − W_o m)/σ_o‖² + ‖m‖², and
        |C_oo| = |Λ_o| Π_{j in o} σ_j². So no matrix larger than D x D is decomposed.
        """
        mean, _ = self.exact_posterior(x)
        values = self.values(x)
        observed, log_sigma = ~values.isnan(), self.log_sigma().expand(len(self.mu))
        left = torch.where(observed, (self._centred(x) - mean @ self.W.T) * (-log_sigma).exp(), 0.0)
        squares = left.square().sum(-1) + mean.square().sum(-1)
        constants = self.units.log_volumes(values.nan_to_num(1.0)) - log_sigma - HALF_LOG_2PI
        log_det = torch.linalg.slogdet(self.precision(x)).logabsdet
        return torch.where(observed, constants, 0.0).sum(-1) - 0.5 * (squares + log_det)

    def moments(self, z: Tensor, given: Tensor | None = None) -> tuple[Tensor, Tensor]:
        mean = self.mean(z, given)
        return mean, ((2 * self.log_sigma()).exp() * self.units.slope.square()).expand(mean.shape)

    def _weighted(self) -> Tensor:
        """diag(σ⁻²) W, Float[Tensor, "X D"]."""
        return self.W * (-2 * self.log_sigma()).exp().expand(len(self.mu)).unsqueeze(1)

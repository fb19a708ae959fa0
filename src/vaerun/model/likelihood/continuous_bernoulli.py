"""p(x given z) = Π_j C(λ_j) λ_j^{x_j} (1 − λ_j)^{1 − x_j}, x in [0, 1]."""

from typing import ClassVar

import torch
from torch import Tensor

from vaerun.model.likelihood.base import Likelihood
from vaerun.model.likelihood.bernoulli import NEVER
from vaerun.model.likelihood.inverse import inverse

NEAR = 0.2  # below it the closed forms approach 0/0, and the series are exact up to rounding


class ContinuousBernoulli(Likelihood):
    """p(x given z) = Π_j C(λ_j) λ_j^{x_j} (1 − λ_j)^{1 − x_j} over x in [0, 1]^X.

    The cross entropy of grey pixels with the constant C(λ) = 2 artanh(1 − 2λ)/(1 − 2λ) that makes it a density. In the
    logit η of λ, which is the decoder's output, log p(x) = ηx − log((e^η − 1)/η). Like every density, it has no upper
    bound: a pixel that is exactly 0 or 1 in every image contributes log|η|.

    Args:
        data_dim: X.
        data_std: not used.

    Reference: Loaiza-Ganem, Cunningham 2019, The continuous Bernoulli: fixing a pervasive error in variational
    autoencoders, §3.
    """

    data_support: ClassVar[str] = "unit"
    normalized: ClassVar[bool] = True

    @property
    def num_outputs(self) -> int:
        return self.data_dim

    def initial_outputs(self, data_mean: Tensor) -> Tensor:
        # The mean is 1 − 1/η at large η.
        return inverse(self.mean, data_mean.clamp(NEVER, 1 - NEVER), -2 / NEVER, 2 / NEVER)

    def terms(self, x: Tensor, outputs: Tensor) -> Tensor:
        return outputs * x - log_normalizer(outputs)

    def mean(self, outputs: Tensor) -> Tensor:
        """½ + sign(η) (½ + 1/(e^|η| − 1) − 1/|η|), the derivative of log((e^η − 1)/η)."""
        near, size = split(outputs)
        far = 0.5 + (-size).exp() / -torch.expm1(-size) - 1 / size
        square = outputs.square()
        series = outputs / 12 * (1 - square / 60 * (1 - square / 42 * (1 - square / 40)))
        return 0.5 + torch.where(near, series, outputs.sign() * far)

    @torch.no_grad()
    def sample(self, outputs: Tensor) -> Tensor:
        """The distribution function's inverse at −|η|, mirrored where η > 0."""
        size = outputs.abs().clamp(min=torch.finfo(outputs.dtype).tiny ** 0.5)  # at 0 it is 0/0
        towards_zero = torch.log1p(torch.rand_like(outputs) * torch.expm1(-size)) / -size
        return torch.where(outputs > 0, 1 - towards_zero, towards_zero).clamp(0, 1)


def log_normalizer(logit: Tensor) -> Tensor:
    """log((e^η − 1)/η) = log ∫₀¹ e^{ηx} dx, elementwise."""
    near, size = split(logit)
    far = logit.clamp(min=0) + (-torch.expm1(-size)).log() - size.log()
    square = (logit / 2).square()
    series = logit / 2 + square / 6 * (1 - square / 30 * (1 - square * (4 / 63) * (1 - square * 3 / 40)))
    return torch.where(near, series, far)


def split(logit: Tensor) -> tuple[Tensor, Tensor]:
    """Whether |η| is small, and |η| where it is not: elsewhere 1, so that no gradient is infinite times 0."""
    near = logit.abs() < NEAR
    return near, torch.where(near, 1.0, logit.abs())

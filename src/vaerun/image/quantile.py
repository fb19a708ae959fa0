"""F_d^{-1}(u): quantiles of each coordinate of a prior, at one c."""

from functools import singledispatch

import torch
from torch import Tensor

from vaerun.model.prior.base import PriorDensity
from vaerun.model.prior.conditional_normal import DiagonalNormal
from vaerun.model.prior.standard_normal import StandardNormal

DRAWS = 10_000


@singledispatch
def quantiles(prior: PriorDensity, levels: Tensor) -> Tensor:
    """F_d^{-1}(u) of each coordinate's marginal, Float[Tensor, "Q"] ↦ Float[Tensor, "Q D"], from 10,000 samples."""
    z = prior.sample(DRAWS).sort(0).values
    return z[(levels * (DRAWS - 1)).round().long()]


@quantiles.register
def _(prior: StandardNormal, levels: Tensor) -> Tensor:
    return torch.special.ndtri(levels).unsqueeze(1).expand(-1, prior.latent_dim)


@quantiles.register
def _(prior: DiagonalNormal, levels: Tensor) -> Tensor:
    return prior.mu + prior.log_sigma.exp() * torch.special.ndtri(levels).unsqueeze(1)

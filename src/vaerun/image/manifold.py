"""E[x given z] on a grid of z in the plane, for models with D = 2."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vaerun.image.base import ImageSource
from vaerun.image.quantile import quantiles
from vaerun.image.style import ImageStyle
from vaerun.strategy.base import Strategy

SIDE = 20


@dataclass(frozen=True)
class Manifold(ImageSource):
    """E[x given z] at z = (F_1^{-1}(u), F_2^{-1}(u')), u and u' in (i + ½)/20, F_d the prior's marginals.

    z_1 increases to the right and z_2 upwards. For N(0, I), every tile has equal probability. For another prior, the
    quantiles are those of 10,000 samples, and the grid can contain z of low probability. If the model has a
    condition, c is the same for all tiles.

    Args:
        z: from the top left, row by row, Float[Tensor, "20 20 2"].
        mean: Float[Tensor, "20 20 X"].

    Reference: Kingma, Welling 2014, Auto-encoding variational Bayes, figure 4.
    """

    z: Tensor
    mean: Tensor

    @staticmethod
    def exists(strategy: Strategy) -> bool:
        """Whether z is a point of the plane."""
        model = strategy.bound.model
        return model.latent_dim == 2 and model.prior.support == "real"

    @classmethod
    @torch.no_grad()
    def of(cls, strategy: Strategy, given: Tensor | None = None) -> "Manifold":
        """The manifold at c, Float[Tensor, "1 C"]; ``exists`` must be true."""
        model = strategy.bound.model
        where = model.sample_prior(1, given)
        levels = (torch.arange(SIDE, dtype=where.dtype, device=where.device) + 0.5) / SIDE
        right, up = quantiles(model.prior_of(given), levels).unbind(1)
        up, right = torch.meshgrid(up.flip(0), right, indexing="ij")
        z = torch.stack((right, up), -1)
        return cls(z, model.mean(z, given))

    def image(self, style: ImageStyle) -> np.ndarray:
        return style.grid(self.mean.flatten(0, 1), SIDE)

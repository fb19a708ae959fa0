"""p(x given z) = Π_j softmax(logits_j)[x_j], x on a grid over [0, 1]."""

from typing import ClassVar

import torch
from torch import Tensor

from vaerun.config.ranges import at_least
from vaerun.model.likelihood.base import Likelihood
from vaerun.model.likelihood.bernoulli import NEVER
from vaerun.model.likelihood.inverse import inverse

STEEPEST = 20.0  # times L: the slope of the logits at which all probability is at one end of the grid


class CategoricalLikelihood(Likelihood):
    """p(x given z) = Π_j softmax(logits_j)[(L − 1) x_j] over x in {0, 1/(L − 1), …, 1}^X.

    L logits per coordinate, so any distribution on the grid, with L times the outputs. It is a mass function: its bound
    is at most 0, and not comparable with the bound of a density over [0, 1] or of another L. Values between two grid
    values are rounded to the nearest one.

    Args:
        data_dim: X.
        data_std: not used.
        levels: L, the number of grid values; 256 for 8-bit images.

    Raises:
        UserError: L < 2.

    Reference: van den Oord, Kalchbrenner, Kavukcuoglu 2016, Pixel recurrent neural networks, §3 (a softmax per pixel).
    """

    data_support: ClassVar[str] = "unit"
    normalized: ClassVar[bool] = True
    levels: int
    grid: Tensor

    def __init__(self, *, data_dim: int, data_std: float, levels: int = 16) -> None:
        super().__init__(data_dim=data_dim, data_std=data_std)
        at_least("model.likelihood.levels", levels, 2)
        self.levels = levels
        self.register_buffer("grid", torch.linspace(0, 1, levels), persistent=False)

    @property
    def num_outputs(self) -> int:
        """X L: the logits of the first coordinate, then those of the second, …"""
        return self.data_dim * self.levels

    def initial_outputs(self, data_mean: Tensor) -> Tensor:
        """The maximum-entropy distribution with that mean: logits that are linear in the value."""
        grid = torch.linspace(0, 1, self.levels, dtype=torch.float64, device=data_mean.device)

        def mean(slope: Tensor) -> Tensor:
            return (slope.unsqueeze(-1) * grid).softmax(-1) @ grid

        limit = STEEPEST * self.levels
        slope = inverse(mean, data_mean.clamp(NEVER, 1 - NEVER), -limit, limit)
        return (slope.unsqueeze(-1) * (grid - 0.5).to(slope.dtype)).flatten()

    def logits(self, outputs: Tensor) -> Tensor:
        """Float[Tensor, "*K B O"] ↦ Float[Tensor, "*K B X L"]."""
        return outputs.unflatten(-1, (self.data_dim, self.levels))

    def terms(self, x: Tensor, outputs: Tensor) -> Tensor:
        logits = self.logits(outputs)
        place = (x * (self.levels - 1)).round().long().expand(logits.shape[:-1])
        return logits.gather(-1, place.unsqueeze(-1)).squeeze(-1) - logits.logsumexp(-1)

    def mean(self, outputs: Tensor) -> Tensor:
        return self.logits(outputs).softmax(-1) @ self.grid

    def variance(self, outputs: Tensor) -> Tensor:
        probability = self.logits(outputs).softmax(-1)
        return probability @ self.grid.square() - (probability @ self.grid).square()

    @torch.no_grad()
    def sample(self, outputs: Tensor) -> Tensor:
        probability = self.logits(outputs).softmax(-1)
        below = probability.cumsum(-1)[..., :-1]  # the last edge is 1 up to rounding
        place = (torch.rand_like(below[..., :1]) >= below).sum(-1)
        return self.grid[place]

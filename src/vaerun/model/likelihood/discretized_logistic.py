"""p(x given z) = Π_j σ((x_j + h − μ_j)/s_j) − σ((x_j − h − μ_j)/s_j), x on a grid over [0, 1]."""

import math
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from vaerun.config.ranges import at_least
from vaerun.model.likelihood.base import Likelihood
from vaerun.model.likelihood.bernoulli import NEVER
from vaerun.model.likelihood.inverse import inverse
from vaerun.nn.bounded_scale import bounded_log_scale


class DiscretizedLogistic(Likelihood):
    """p(x given z) = Π_j σ((x_j + h − μ_j)/s_j) − σ((x_j − h − μ_j)/s_j) over x in {0, 1/(L − 1), …, 1}^X.

    A logistic of location μ_j, the decoder's output, and learned scale s_j, summed over the bin of half-width
    h = 1/(2(L − 1)) around x_j; the first bin extends to −∞ and the last one to ∞. It is a mass function: its bound
    is at most 0, and not comparable with the bound of a density over [0, 1]. Values between two grid values are rounded
    to the nearest one.

    Args:
        data_dim: X.
        data_std: the initial standard deviation of every logistic.
        levels: L, the number of grid values; 256 for 8-bit images.

    Raises:
        UserError: L < 2.

    Reference: Kingma et al. 2016, Improved variational inference with inverse autoregressive flow, appendix; Salimans
    et al. 2017, PixelCNN++, §2.1 (the open ends).
    """

    data_support: ClassVar[str] = "unit"
    normalized: ClassVar[bool] = True
    levels: int

    def __init__(self, *, data_dim: int, data_std: float, levels: int = 256) -> None:
        super().__init__(data_dim=data_dim, data_std=data_std)
        at_least("model.likelihood.levels", levels, 2)
        self.levels = levels
        self.raw_log_scale = nn.Parameter(torch.zeros(data_dim))

    @property
    def num_outputs(self) -> int:
        return self.data_dim

    def scale(self) -> Tensor:
        """s, Float[Tensor, "X"]; the standard deviation of a logistic is πs/√3."""
        return self.data_std * math.sqrt(3) / math.pi * bounded_log_scale(self.raw_log_scale).exp()

    def initial_outputs(self, data_mean: Tensor) -> Tensor:
        reach = 1 + 20 * float(self.scale().detach().max())  # within this range, the mean reaches NEVER and 1 − NEVER
        return inverse(self.mean, data_mean.clamp(NEVER, 1 - NEVER), -reach, reach)

    def terms(self, x: Tensor, outputs: Tensor) -> Tensor:
        """With σ(b) − σ(a) = σ(b) σ(−a) (1 − e^{a − b}), which does not underflow in the tails."""
        steps = self.levels - 1
        place, scale = (x * steps).round(), self.scale()
        from_above = ((place + 0.5) / steps - outputs) / scale  # b
        from_below = (outputs - (place - 0.5) / steps) / scale  # −a
        width = (-torch.expm1(-1 / (steps * scale))).log()  # log(1 − e^{a − b}), equal for all bins
        first, last = place == 0, place == steps
        inside = torch.where(first | last, 0.0, width)
        log_p = torch.where(last, 0.0, logsigmoid(from_above)) + torch.where(first, 0.0, logsigmoid(from_below))
        return log_p + inside

    def mean(self, outputs: Tensor) -> Tensor:
        """Σ over the grid of P(x_j ≥ value) / steps, in a loop, because all edges at once need too much memory."""
        steps, scale = self.levels - 1, self.scale()
        total = torch.zeros_like(outputs)
        for edge in range(steps):
            total = total + ((outputs - (edge + 0.5) / steps) / scale).sigmoid()
        return total / steps

    @torch.no_grad()
    def sample(self, outputs: Tensor) -> Tensor:
        steps = self.levels - 1
        x = outputs + self.scale() * torch.rand_like(outputs).logit()
        return (x * steps).round().clamp(0, steps) / steps

"""T(X): statistics of a data set that posterior predictive checks compare."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from vaerun.evaluation.fraction import fraction_error


class Totals(NamedTuple):
    """Sums over N points of t(x_i) and t(x_i)², by replicated data set: Float[Tensor, "S"] or Float[Tensor, "S X"]."""

    first: Tensor
    second: Tensor
    known: Tensor  # the number of points where t is known

    def mean(self) -> Tensor:
        """(1/N) Σ_i t(x_i)."""
        return self.first / self.known

    def sd(self) -> Tensor:
        """The standard deviation of t over the points."""
        return (self.second / self.known - self.mean().square()).clamp_min(0).sqrt()

    def plus(self, other: "Totals") -> "Totals":
        """Those of all points of both."""
        return Totals(*(a + b for a, b in zip(self, other, strict=True)))


class Statistic(NamedTuple):
    """T(X) = reduce over the points of t(x_i)."""

    meaning: str
    of_point: Callable[[Tensor], Tensor]  # t: Float[Tensor, "S B X"] ↦ [S, B] or [S, B, X]; missing values are nan
    reduce: Callable[[Totals], Tensor]  # sums over the points ↦ T

    def totals(self, x: Tensor) -> Totals:
        """The sums over B points of S data sets, Float[Tensor, "S B X"]."""
        values = self.of_point(x).double()
        return Totals(values.nansum(1), values.square().nansum(1), (~values.isnan()).sum(1))


class Check(NamedTuple):
    """One statistic of the data and of S replicated data sets."""

    data: Tensor  # T(x), Float[Tensor, ""] or Float[Tensor, "X"]
    replicas: Tensor  # T(x_rep), Float[Tensor, "S"] or Float[Tensor, "S X"]

    def p_value(self) -> Tensor:
        """P(T(x_rep) > T(x)) + ½ P(T(x_rep) = T(x)), of shape [] or [X]."""
        return self._above().mean(0)

    def error(self) -> Tensor:
        """The standard error of the p-value, of shape [] or [X]."""
        return fraction_error(self._above())

    def _above(self) -> Tensor:
        """1 for a replica above the data, ½ for one that is equal, Float[Tensor, "S"] or Float[Tensor, "S X"]."""
        return (self.replicas > self.data).double() + 0.5 * (self.replicas == self.data).double()


def _sd(x: Tensor) -> Tensor:
    """The standard deviation over the coordinates of each point."""
    mean = x.nanmean(-1, keepdim=True)
    return (x - mean).square().nanmean(-1).sqrt()


def _largest(x: Tensor) -> Tensor:
    found = x.nan_to_num(nan=-torch.inf).amax(-1)
    return found.where(found.isfinite(), torch.nan)


def _zeros(x: Tensor) -> Tensor:
    return (x == 0).to(x.dtype).where(~x.isnan(), torch.nan).nanmean(-1)


STATISTICS: Mapping[str, Statistic] = {
    "mean": Statistic("mean over points of the mean of x", lambda x: x.nanmean(-1), Totals.mean),
    "sd": Statistic("mean over points of the standard deviation over the values of x", _sd, Totals.mean),
    "min": Statistic("mean over points of the smallest value of x", lambda x: -_largest(-x), Totals.mean),
    "max": Statistic("mean over points of the largest value of x", _largest, Totals.mean),
    "zeros": Statistic("fraction of values that are 0", _zeros, Totals.mean),
    "spread": Statistic("standard deviation over points of the mean of x", lambda x: x.nanmean(-1), Totals.sd),
    "coordinates": Statistic("mean of each coordinate over the points", lambda x: x, Totals.mean),
}
"""The statistics by name; all but ``coordinates`` are one number for a data set."""

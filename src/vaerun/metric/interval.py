"""95 % confidence intervals of means over seeds, by Student's t distribution."""

import math
from functools import lru_cache
from typing import Literal, NamedTuple

NORMAL = 1.959963984540054  # the 97.5 % point of the standard normal
Kind = Literal["seeds", "points"]


class Sample(NamedTuple):
    """The values of one metric for the seeds of a configuration.

    Attributes:
        values: one for each seed.
        point_error: the standard error over the test points, if there is a single seed and it has recorded one.
    """

    values: tuple[float, ...]
    point_error: float | None = None

    @property
    def mean(self) -> float:
        return math.fsum(self.values) / len(self.values)

    @property
    def variance(self) -> float:
        """s², with n − 1 in the denominator."""
        mean = self.mean
        return math.fsum((value - mean) ** 2 for value in self.values) / (len(self.values) - 1)


class Interval(NamedTuple):
    """A mean and the half width of its 95 % interval: over seeds, over points, or unknown (None)."""

    mean: float
    half_width: float | None
    kind: Kind | None


def interval(sample: Sample) -> Interval:
    """mean ± t s/√n over n seeds; for one seed, its value ± 1.96 standard errors over the points."""
    n = len(sample.values)
    if n > 1:
        return Interval(sample.mean, quantile(n - 1) * math.sqrt(sample.variance / n), "seeds")
    if sample.point_error is not None:
        return Interval(sample.mean, NORMAL * sample.point_error, "points")
    return Interval(sample.mean, None, None)


def difference(a: Sample, b: Sample) -> Interval:
    """mean(a) − mean(b) with Welch's interval. If one sample has one seed, it gets the variance of the other.

    With one seed each, only the standard errors over points are known. They are treated as independent, so the interval
    is too wide if the errors of the two runs at a point are positively correlated.
    """
    gap = a.mean - b.mean
    n, m = len(a.values), len(b.values)
    if n > 1 and m > 1:
        u, v = a.variance / n, b.variance / m
        freedom = 1 if u + v == 0 else (u + v) ** 2 / (u**2 / (n - 1) + v**2 / (m - 1))
        return Interval(gap, quantile(max(1, math.floor(freedom))) * math.sqrt(u + v), "seeds")
    if n > 1 or m > 1:
        spread = a.variance if n > 1 else b.variance
        return Interval(gap, quantile(max(n, m) - 1) * math.sqrt(spread * (1 / n + 1 / m)), "seeds")
    if a.point_error is None or b.point_error is None:
        return Interval(gap, None, None)
    return Interval(gap, NORMAL * math.hypot(a.point_error, b.point_error), "points")


@lru_cache(maxsize=256)
def quantile(freedom: int, probability: float = 0.95) -> float:
    """The t with P(|T| ≤ t) = ``probability``, by bisection to a relative error of 1e-12."""
    low, high = 0.0, 1.0
    while coverage(high, freedom) < probability:
        low, high = high, 2 * high
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if coverage(middle, freedom) < probability else (low, middle)
    return (low + high) / 2


def coverage(t: float, freedom: int) -> float:
    """P(|T| ≤ t) for Student's t with ν degrees of freedom, as a finite sum over powers of cos θ, θ = arctan(t/√ν).

    Reference: Abramowitz, Stegun 1964, Handbook of mathematical functions, section 26.7.
    """
    theta = math.atan2(t, math.sqrt(freedom))
    odd = freedom % 2
    term, terms = (math.cos(theta) if odd else 1.0), []
    for power in range(2 + odd, freedom + 1, 2):
        terms.append(term)
        term *= math.cos(theta) ** 2 * (power - 1) / power
    total = math.sin(theta) * math.fsum(terms)
    return 2 / math.pi * (theta + total) if odd else total

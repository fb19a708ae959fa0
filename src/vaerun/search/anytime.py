"""An interval for the mean of normal values that holds at every number of values at the same time."""

import math
from collections.abc import Sequence
from functools import cache, reduce
from typing import NamedTuple

SPREAD = 0.1
"""1/g: under the alternative, mean / standard deviation ~ N(0, g), g = 10. Any value is valid; docs/racing.md."""


class AnytimeInterval(NamedTuple):
    """The mean of n values, and an interval for their expectation; as it is here, of no value.

    Attributes:
        mean: of the values.
        low: the lower end.
        high: the upper end.
        n: the number of values.
        squares: the sum of (value − mean)².
    """

    mean: float = 0.0
    low: float = -math.inf
    high: float = math.inf
    n: int = 0
    squares: float = 0.0

    def reversed(self) -> "AnytimeInterval":
        """The interval of the negative values."""
        return self._replace(mean=-self.mean, low=-self.high, high=-self.low)


def extended(before: AnytimeInterval, value: float, level: float) -> AnytimeInterval:
    """P(for all n: μ is in the interval of the first n values) ≥ 1 − level, for independent N(μ, σ²), σ unknown.

    The interval of n values holds the means that the Bayes factor of the t-test does not reject,
    (1 + n g)^(−1/2) ((1 + t²/(n − 1)) / (1 + t²/((n − 1)(1 + n g))))^(n/2) < 1/level with g = 1/``SPREAD``. Under the
    null hypothesis this is a nonnegative martingale, so Ville's inequality bounds its maximum over n. The result is
    the intersection of the intervals of 2, 3, …, n values; if it is empty, that of all n. It is (−∞, ∞) while the
    values are too few, and can be a point if all values are equal.

    Args:
        before: the interval of the values before.
        value: the next one; the order must not depend on the values.
        level: the probability of an error at any n, in (0, 1).

    References:
        Lai 1976, On confidence sequences, Annals of Statistics 4; Gönen et al. 2005, The Bayesian two-sample t test,
        The American Statistician 59; Wang, Ramdas 2024, Anytime-valid t-tests and confidence sequences for Gaussian
        means with unknown variance, Sequential Analysis.
    """
    n, step = before.n + 1, value - before.mean
    mean = before.mean + step / n
    squares = before.squares + step * (value - mean)
    limit = threshold(n, level) if n > 1 else math.inf
    half = limit * math.sqrt(squares / (n - 1) / n) if math.isfinite(limit) else math.inf
    low, high = max(before.low, mean - half), min(before.high, mean + half)
    if low > high:
        low, high = mean - half, mean + half
    return AnytimeInterval(mean, low, high, n, squares)


def anytime_interval(values: Sequence[float], level: float) -> AnytimeInterval:
    """The interval of ``extended`` for values in their order."""
    return reduce(lambda before, value: extended(before, value, level), values, AnytimeInterval())


@cache
def threshold(n: int, level: float) -> float:
    """The |t| of n values at which the Bayes factor is 1/level; ∞ if it stays below for every t."""
    share = SPREAD / (n + SPREAD)
    ratio = math.exp(-2 / n * (math.log(level) + 0.5 * math.log(share)))
    return math.sqrt((n - 1) * (ratio - 1) / (1 - ratio * share)) if ratio * share < 1 else math.inf

"""The interval that holds at any number of values: its Bayes factor by quadrature, its coverage by simulation."""

import math
from itertools import pairwise

import numpy as np
import pytest

from vaerun.search.anytime import SPREAD, anytime_interval, threshold


def bayes_factor(t: float, n: int) -> float:
    """1/level at which |t| is the threshold, by bisection."""
    low, high = -(n - 1) / 2 * math.log((n + SPREAD) / SPREAD) + 1e-12, 3.0  # of log level
    for _ in range(200):
        middle = (low + high) / 2
        ratio = math.exp(-2 / n * (middle + 0.5 * math.log(SPREAD / (n + SPREAD))))
        if ratio >= 1 and threshold(n, math.exp(middle)) > t:
            low = middle
        else:
            high = middle
    return math.exp(-high)


@pytest.mark.parametrize("n", [2, 3, 8, 20])
def test_the_bayes_factor_has_the_mean_1_under_the_null_hypothesis(n: int) -> None:
    """∫ BF(t) p(t) dt = 1 for Student's t with n − 1 degrees of freedom; t = tan(a) √(n − 1)."""
    a = (np.arange(1000) + 0.5) / 1000 * math.pi / 2
    weight = np.cos(a) ** (n - 2)  # the density of a, up to a constant
    value = [bayes_factor(math.tan(angle) * math.sqrt(n - 1), n) for angle in a]
    assert np.sum(weight * value) / np.sum(weight) == pytest.approx(1, abs=0.01)


def test_the_interval_of_all_numbers_of_values_holds_as_often_as_it_says() -> None:
    x = np.random.default_rng(0).standard_normal((4000, 200))
    level = 0.3
    missed = 0
    for values in x:
        found = anytime_interval(list(values), level)
        missed += not found.low <= 0 <= found.high
    assert 0.05 < missed / len(x) < level  # an ordinary interval misses in 0.9 of them


def test_it_is_centred_at_the_mean_and_moves_and_scales_with_the_values() -> None:
    values = [1.3, 0.2, 2.1, 1.7, 0.9, 1.1, 1.4]
    found = anytime_interval(values, 0.05)
    other = anytime_interval([10 - 3 * value for value in values], 0.05)
    assert found.mean == pytest.approx(sum(values) / 7)
    assert found.low < found.mean < found.high
    assert other.low == pytest.approx(10 - 3 * found.high)
    assert other.high == pytest.approx(10 - 3 * found.low)


def test_further_values_never_widen_it() -> None:
    values = list(np.random.default_rng(1).standard_normal(30))
    found = [anytime_interval(values[:n], 0.05) for n in range(31)]
    assert all(a.low <= b.low and b.high <= a.high for a, b in pairwise(found))
    assert found[-1].high - found[-1].low < 2


def test_few_values_have_no_interval_and_equal_ones_a_point() -> None:
    assert anytime_interval([], 0.05)[1:4] == (-math.inf, math.inf, 0)
    assert anytime_interval([1.0], 0.05)[:4] == (1.0, -math.inf, math.inf, 1)
    assert anytime_interval([1.0, 1.5], 1e-9).high == math.inf
    assert anytime_interval([0.5, 0.5, 0.5], 0.05)[:4] == (0.5, 0.5, 0.5, 3)

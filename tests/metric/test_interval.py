"""Student's t against the printed tables, and intervals against arithmetic done by hand."""

import math

import numpy as np
import pytest

from vaerun.metric.interval import Interval, Sample, coverage, difference, interval, quantile

# Abramowitz & Stegun, table 26.10, and every textbook: two-sided points.
TABLE = {
    0.95: {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 9: 2.262, 10: 2.228, 30: 2.042, 60: 2.000, 120: 1.980},
    0.99: {1: 63.657, 2: 9.925, 3: 5.841, 5: 4.032, 10: 3.169, 30: 2.750},
    0.90: {1: 6.314, 2: 2.920, 3: 2.353, 10: 1.812, 30: 1.697},
}


def is_near(found, expected):
    assert found[:2] == pytest.approx(expected[:2], rel=1e-6)
    assert found.kind == expected.kind


@pytest.mark.parametrize(("probability", "freedom"), [(p, nu) for p, row in TABLE.items() for nu in row])
def test_quantiles_are_those_of_the_table(probability, freedom):
    assert quantile(freedom, probability) == pytest.approx(TABLE[probability][freedom], abs=6e-4)


def test_one_and_two_degrees_of_freedom_in_closed_form_and_many_are_normal():
    assert quantile(1) == pytest.approx(math.tan(math.pi * 0.95 / 2), rel=1e-10)
    assert quantile(2) == pytest.approx(0.95 * math.sqrt(2 / (1 - 0.95**2)), rel=1e-10)
    assert quantile(5000) == pytest.approx(1.95996 + (1.95996**3 + 1.95996) / (4 * 5000), abs=1e-5)


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 7, 12])
def test_the_coverage_is_the_integral_of_the_density(freedom):
    x, w = np.polynomial.legendre.leggauss(200)
    t = 1.25 * (x + 1)  # from 0 to 2.5
    constant = math.gamma((freedom + 1) / 2) / (math.sqrt(freedom * math.pi) * math.gamma(freedom / 2))
    integral = 2 * 1.25 * np.sum(w * constant * (1 + t**2 / freedom) ** (-(freedom + 1) / 2))
    assert coverage(2.5, freedom) == pytest.approx(integral, abs=1e-12)


def test_the_interval_of_seeds_and_that_of_one_seed():
    is_near(interval(Sample((1.0, 2.0, 3.0), 9.0)), Interval(2.0, 4.302653 / math.sqrt(3), "seeds"))
    is_near(interval(Sample((1.0,), 0.5)), Interval(1.0, 0.979982, "points"))
    assert interval(Sample((1.0,))) == Interval(1.0, None, None)


def test_a_difference_has_welchs_interval():
    # By hand: s²/n = 1/3 and 4/3, so 25/9 / ((1/9)/2 + (16/9)/2) = 2.94, rounded down to 2 degrees of freedom.
    found = difference(Sample((1.0, 2.0, 3.0)), Sample((2.0, 4.0, 6.0)))
    is_near(found, Interval(-2.0, 4.302653 * math.sqrt(5 / 3), "seeds"))
    equal = difference(Sample((1.0, 1.0)), Sample((2.0, 2.0)))
    assert equal == Interval(-1.0, 0.0, "seeds")


def test_a_single_seed_beside_several_is_given_their_spread():
    found = difference(Sample((1.0, 2.0, 3.0)), Sample((5.0,), 0.1))
    is_near(found, Interval(-3.0, 4.302653 * math.sqrt(4 / 3), "seeds"))
    is_near(difference(Sample((5.0,), 3.0), Sample((1.0,), 4.0)), Interval(4.0, 9.79982, "points"))
    assert difference(Sample((5.0,)), Sample((1.0,), 4.0)) == Interval(4.0, None, None)


def test_the_interval_covers_its_mean_as_often_as_it_says():
    draws = np.random.default_rng(0).normal(3.0, 2.0, (20_000, 3))
    covered = [abs(one.mean - 3.0) <= one.half_width for one in map(interval, map(Sample, map(tuple, draws)))]
    assert np.mean(covered) == pytest.approx(0.95, abs=5 * math.sqrt(0.95 * 0.05 / 20_000))

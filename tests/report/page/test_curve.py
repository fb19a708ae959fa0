"""Recorded curves, and the mean of several with its interval."""

import json

import numpy as np
import pytest

from tests.report.fabricate import records as fabricated
from vaerun.metric.interval import Sample, interval, quantile
from vaerun.report.matched import COSTS
from vaerun.report.page.curve import POINTS, Curve, band, curve, records

BOUND = b'elbo/valid"'


def text(lines):
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def line(x, y):
    return Curve(dict.fromkeys(COSTS, np.asarray(x, float)), np.asarray(y, float))


def test_records_are_those_with_the_tag():
    made = fabricated([-3.0, -2.0, -1.0])
    assert records(text(made), BOUND) == [one for one in made if "elbo/valid" in one]
    assert records(text(made), b'"gradient_variance/') == []
    assert records(b"", BOUND) == []


def test_many_records_are_thinned_evenly_from_the_first_to_the_last():
    made = fabricated(list(range(1000)), every=2)
    steps = [one["step"] for one in records(text(made), BOUND, most=100)]
    assert (len(steps), steps[0], steps[-1]) == (100, 2, 2000)
    assert set(np.diff(steps)) <= {20, 22}


def test_what_is_damaged_or_half_written_is_left_out():
    made = fabricated([-3.0, -2.0, -1.0])
    damaged = text(made[:2]) + b'{"elbo/valid": \xff\n["elbo/valid"]\n' + text(made[2:])
    assert records(damaged[:-4], BOUND) == [made[1], made[3]]


def test_a_curve_skips_what_is_no_number_and_never_goes_back():
    made = [one for one in fabricated([-3.0, None, -1.0]) if "elbo/valid" in one]
    made[2]["train_seconds"] = 0.5  # a clock that was set back
    found = curve(made, "elbo/valid")
    assert found.values.tolist() == [-3.0, -1.0]
    assert found.costs["steps"].tolist() == [10, 30]
    assert found.costs["seconds"].tolist() == [1.0, 1.0]
    assert curve(made, "pseudo_elbo/valid") is None


def test_the_band_is_students_interval_at_every_common_record():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(4, 20))
    found = band([line(range(20), row) for row in values], "steps")
    assert found.seeds == 4
    assert found.cost.tolist() == list(range(20))
    for place in range(20):
        expected = interval(Sample(tuple(values[:, place])))
        assert found.mean[place] == pytest.approx(expected.mean)
        assert found.half_width[place] == pytest.approx(expected.half_width)


def test_straight_lines_with_records_at_different_costs_have_the_band_of_their_slopes():
    slopes, rng = np.array([1.0, 2.0, 4.0]), np.random.default_rng(1)
    axes = [np.sort(rng.uniform(0, 10, 30)) for _ in slopes]
    found = band([line(axis, slope * axis) for slope, axis in zip(slopes, axes, strict=True)], "seconds")
    assert found.cost[0] == max(axis[0] for axis in axes)
    assert found.cost[-1] == min(axis[-1] for axis in axes)
    np.testing.assert_allclose(found.mean, slopes.mean() * found.cost)
    np.testing.assert_allclose(found.half_width, quantile(2) * slopes.std(ddof=1) / np.sqrt(3) * found.cost)


def test_a_single_seed_has_a_line_and_no_band():
    found = band([line([1, 2, 3], [5, 6, 7])], "steps")
    assert (found.mean.tolist(), found.half_width.tolist(), found.seeds) == ([5, 6, 7], [0, 0, 0], 1)


def test_seeds_that_were_never_at_one_cost_have_no_mean():
    assert band([line([1, 2], [0, 0]), line([3, 4], [0, 0])], "steps") is None


def test_a_long_curve_is_drawn_with_few_points_its_ends_among_them():
    found = band([line(range(5000), range(5000))] * 2, "steps")
    assert (len(found.cost), found.cost[0], found.cost[-1]) == (POINTS, 0, 4999)

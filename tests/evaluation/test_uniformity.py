"""Uniform ranks and the tests of them, against closed forms."""

import math

import pytest
import torch

from vaerun.evaluation.uniformity import chi_square_p_value, deviation, histogram, kolmogorov_p_value, relative_rank


@pytest.mark.parametrize("values", [2, 5, 10_000])
def test_the_rank_of_one_draw_among_others_is_uniform_with_and_without_ties(values: int, seeded: None) -> None:
    drawn = torch.randint(values, (21, 4000)).double()
    u = relative_rank(drawn[0], drawn[1:])
    assert float(u.min()) >= 0
    assert float(u.max()) <= 1
    assert float(u.mean()) == pytest.approx(0.5, abs=4 / math.sqrt(12 * 4000))
    assert chi_square_p_value(u) > 1e-3
    assert kolmogorov_p_value(float(deviation(u)), len(u)) > 1e-3
    assert chi_square_p_value(u**1.2) < 1e-3


def test_a_rank_counts_what_is_smaller() -> None:
    samples = torch.arange(9.0).unsqueeze(1)
    below, above = relative_rank(torch.tensor([-1.0]), samples), relative_rank(torch.tensor([8.5]), samples)
    assert 0 <= float(below) <= 0.1
    assert 0.9 <= float(above) <= 1


def test_two_bins_have_the_p_value_of_a_squared_normal() -> None:
    u = torch.cat((torch.full((13,), 0.2), torch.full((27,), 0.7)))
    assert histogram(u, 2).tolist() == [13, 27]
    assert chi_square_p_value(u) == pytest.approx(math.erfc(math.sqrt((7**2 / 20 * 2) / 2)))


def test_the_deviation_is_that_of_the_steps() -> None:
    assert float(deviation(torch.tensor([0.25, 0.75]))) == pytest.approx(0.25)
    assert float(deviation(torch.tensor([0.9, 0.95]))) == pytest.approx(0.9)
    assert deviation(torch.rand(3, 7)).shape == (3,)


@pytest.mark.parametrize(("t", "p"), [(1.2238, 0.10), (1.3581, 0.05), (1.6276, 0.01)])
def test_kolmogorovs_distribution_has_its_tabulated_points(t: float, p: float) -> None:
    count = 10**8
    assert kolmogorov_p_value(t / math.sqrt(count), count) == pytest.approx(p, rel=1e-3)

"""The arithmetic of gaps, and when one is negative."""

import pytest
import torch
from torch import Tensor

from vaerun.evaluation.gap_estimates import Gap, GapEstimates, below_zero, gaps, joined
from vaerun.evaluation.gap_rewards import RewardMeans
from vaerun.metric.metric import Metric


def estimates(
    mean: list[list[float]], variance: float = 0.0, shared: float = 0.0, **evidence: list[float]
) -> GapEstimates:
    """Two or three q's of a few points, their noise alike and correlated."""
    of = torch.tensor(mean)
    count, points = of.shape
    covariance = torch.full((count, count), shared)
    covariance.fill_diagonal_(variance)
    return GapEstimates(
        torch.zeros(points, 2),
        [torch.zeros(points, 3)] * count,
        RewardMeans(of, covariance.unsqueeze(-1).expand(-1, -1, points), of + 1),
        torch.ones(count, points, dtype=torch.bool),
        torch.zeros(count, points),
        {Metric(name, name): torch.tensor(value) for name, value in evidence.items()},
    )


def by_name(found: dict[Metric, Gap]) -> dict[str, Gap]:
    return {metric.name: one for metric, one in found.items()}


def test_the_gaps_are_differences_and_the_inner_two_add_up() -> None:
    found = gaps(estimates([[-5.0, -7.0], [-4.0, -6.5], [-3.5, -6.25]]), torch.tensor([-3.0, -6.0]), "full")
    values = {metric.name: gap.value.tolist() for metric, gap in found.items()}
    assert values == {
        "approximation_gap": [1.0, 0.5],
        "amortization_gap": [1.0, 0.5],
        "inference_gap": [2.0, 1.0],
        "approximation_gap_full": [0.5, 0.25],
    }


def test_the_noise_of_a_difference_is_less_where_it_is_shared() -> None:
    found = by_name(gaps(estimates([[0.0], [0.0]], variance=4.0, shared=3.5), torch.zeros(1), ""))
    assert found["approximation_gap"].noise.tolist() == found["inference_gap"].noise.tolist() == [2.0]
    assert found["amortization_gap"].noise.tolist() == [1.0]


def test_a_gap_is_known_where_its_own_best_q_was_found() -> None:
    given = estimates([[0.0, 0.0, 0.0]] * 3)
    given.converged[1] = torch.tensor([True, False, True])
    given.converged[2] = torch.tensor([True, True, False])
    found = by_name(gaps(given, torch.zeros(3), "full"))
    for name in ("approximation_gap", "amortization_gap", "inference_gap"):
        assert found[name].known.tolist() == [True, False, True]
    assert found["approximation_gap_full"].known.tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("iwae", "ais", "chosen"),
    [
        ([-2.0, -3.0, -2.5], [-1.0, -9.0, -2.0], "iwae"),  # above it at two points of three
        ([-2.0, -3.0, -2.5], [-1.0, -2.1, -1.4], "ais"),
        ([-2.0, -3.0, -2.5], [-2.3, -2.4, -2.5], "iwae"),  # above it by no more than noise
        ([-2.0], [-1.0], "iwae"),  # of which one point says nothing
    ],
)
def test_one_estimate_of_log_p_serves_all_points(iwae: list[float], ais: list[float], chosen: str) -> None:
    assert estimates([[0.0] * len(iwae)] * 2, iwae=iwae, ais=ais).likeliest().name == chosen


def test_parts_are_joined_point_by_point() -> None:
    one, other = (estimates([[a, a], [a, a]], variance=a, ais=[a, a]) for a in (1.0, 2.0))
    whole = joined([one, other])
    assert whole.rewards.mean.tolist() == [[1.0, 1.0, 2.0, 2.0]] * 2
    assert whole.rewards.error(0).square().tolist() == pytest.approx([1.0, 1.0, 2.0, 2.0])
    assert whole.converged.shape == (2, 4)
    assert whole.evidence[Metric("ais", "ais")].tolist() == [1.0, 1.0, 2.0, 2.0]
    assert [len(whole.x), *map(len, whole.phis)] == [4, 4, 4]


def gap(value: list[float], noise: float, known: list[bool] | None = None) -> Gap:
    of: Tensor = torch.tensor(value)
    mask = torch.ones_like(of, dtype=torch.bool) if known is None else torch.tensor(known)
    return Gap(of, torch.full_like(of, noise), mask, torch.zeros_like(of))


def test_what_the_search_leaves_is_added_to_the_error_in_quadrature() -> None:
    one = gap([0.0, 2.0, 9.0], 0.1, [True, True, False])
    assert one.error() == pytest.approx(1.0)
    assert one._replace(left=torch.tensor([0.5, 1.0, 99.0])).error() == pytest.approx((1 + 0.75**2) ** 0.5)
    assert one._replace(left=torch.tensor([-0.5, -1.0, 0.0])).error() == pytest.approx(1.0)  # chance


def test_a_negative_gap_is_said_where_noise_does_not_explain_it() -> None:
    assert below_zero(gap([0.5, 0.2, -0.3], 0.1), 0.0) == ""
    assert below_zero(gap([0.5, 0.2, -0.5], 0.1), 0.0) == "at 1 of 3 points (down to -0.500)"
    assert below_zero(gap([0.5, 0.2, -0.5], 0.1), 0.2) == ""  # rounding
    assert below_zero(gap([0.5, 0.2, -0.5], 0.1, [True, True, False]), 0.0) == ""
    assert below_zero(gap([-0.2, -0.3, -0.25], 0.1), 0.0) == "on average (-0.250 ± 0.029)"
    assert below_zero(gap([-0.2, -0.6, -0.25], 0.1), 0.0).count("and") == 1
    assert below_zero(gap([-0.2], 0.1), 0.0) == ""
    assert below_zero(gap([-0.2], 0.1, [False]), 0.0) == ""

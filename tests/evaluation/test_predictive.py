"""Posterior predictive checks: central p-values for a right model, extreme ones for a wrong one."""

import logging
import math

import pytest
import torch

from tests.evaluation.given import Given, bound_of
from tests.problems import linear_gaussian, node, optimal_phi
from vaerun.data.base import Dataset
from vaerun.data.split import Split
from vaerun.errors import UserError
from vaerun.evaluation.base import EvaluationResult
from vaerun.evaluation.predictive import PredictiveEvaluation
from vaerun.evaluation.statistic import STATISTICS, Check
from vaerun.experiment.make import make

W = torch.tensor([[1.0, 0.0], [0.0, 0.8], [0.0, 0.6], [0.0, 0.2]])  # orthogonal: the diagonal q is the posterior


def checked(
    sigma: float, *, missing: bool = False, statistics: tuple[str, ...] = tuple(STATISTICS), num_samples: int = 200
) -> EvaluationResult:
    """The checks of a model with σ = 0.4 on points that were drawn with another σ."""
    torch.manual_seed(0)
    x = linear_gaussian(W, torch.zeros(4), sigma).sample(400)
    model = linear_gaussian(W, torch.zeros(4), 0.4)
    strategy = Given(bound_of(model, make(node("posterior/gaussian"), {"latent_dim": 2})), optimal_phi(model, x))
    if missing:
        x = x.where(torch.rand_like(x) < 0.7, torch.nan)
    split = Split(x)
    data = Dataset("x", split, split, split, (4,), "none", "real", "0", missing=missing)
    return PredictiveEvaluation(num_samples=num_samples, statistics=statistics)(strategy, data)


@pytest.mark.parametrize("missing", [False, True])
def test_a_right_model_has_no_extreme_p_value(missing: bool, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        result = checked(0.4, missing=missing)
    values = {tag: value for tag, value in result.metrics.items() if tag.startswith("predictive_p_value")}
    assert all(0.02 < value < 0.98 for tag, value in values.items() if "_se/" not in tag), values
    assert result.metrics["predictive_extreme_coordinates/test"] == 0
    assert result.metrics["predictive_p_value_zeros/test"] == 0.5, "no value can be 0, so all are ties"
    assert caplog.text == ""


@pytest.mark.parametrize(("sigma", "extreme"), [(0.8, 0.0), (0.2, 1.0)])
def test_a_wrong_width_of_the_noise_is_seen(sigma: float, extreme: float, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        result = checked(sigma)
    assert result.metrics["predictive_p_value_sd/test"] == pytest.approx(extreme, abs=0.005)
    assert "does not reproduce the" in caplog.text
    assert "sd (data" in caplog.text


@pytest.mark.parametrize("num_samples", [1, 199])
def test_few_replicas_give_no_verdict(num_samples: int, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        result = checked(0.8, num_samples=num_samples)
    assert result.metrics["predictive_p_value_sd/test"] == 0
    assert "predictive_extreme_coordinates/test" not in result.metrics
    assert caplog.text == ""


@pytest.mark.parametrize("count", [10, 200])
@pytest.mark.parametrize("p", [0.0, 0.01, 0.3, 1.0])
def test_the_p_value_and_twice_its_error_cover_the_probability(p: float, count: int) -> None:
    """Summed over all outcomes of S replicas; √(p (1 − p) / S) covers p = 0.01 in 87 of 100 at S = 200."""
    covered = 0.0
    for above in range(count + 1):
        check = Check(torch.tensor(0.5), (torch.arange(count) < above).double())
        error = float(check.error())
        assert error > 0
        chance = math.comb(count, above) * p**above * (1 - p) ** (count - above)
        covered += chance * (abs(float(check.p_value()) - p) <= 1.96 * error)
    assert covered > 0.92


def test_the_statistics_are_those_of_the_page() -> None:
    x = torch.tensor([[[0.0, 2.0, torch.nan], [4.0, 0.0, 2.0]]])
    expected = {
        "mean": 1.5,
        "sd": (1 + math.sqrt(8 / 3)) / 2,
        "min": 0.0,
        "max": 3.0,
        "zeros": (1 / 2 + 1 / 3) / 2,
        "spread": 0.5,
    }
    for name, value in expected.items():
        statistic = STATISTICS[name]
        assert float(statistic.reduce(statistic.totals(x))) == pytest.approx(value), name
    assert STATISTICS["coordinates"].reduce(STATISTICS["coordinates"].totals(x)).tolist() == [[2.0, 1.0, 2.0]]
    assert expected.keys() | {"coordinates"} == STATISTICS.keys()


def test_statistics_can_be_chosen_and_a_wrong_name_is_refused() -> None:
    result = checked(0.4, statistics=("coordinates",))
    assert list(result.metrics) == ["predictive_extreme_coordinates/test"]
    assert not result.pictures
    with pytest.raises(UserError, match="Did you mean 'mean'"):
        PredictiveEvaluation(statistics=["maen"])
    with pytest.raises(UserError, match=r"must be at least 200 for evaluation\.statistics=coordinates, got 20"):
        PredictiveEvaluation(statistics=["coordinates"], num_samples=20)
    with pytest.raises(UserError, match="got none"):
        PredictiveEvaluation(statistics=[])

"""Calibration: uniform ranks at the exact posterior, and the way in which a wrong q is wrong."""

import logging
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tests.evaluation.given import Given, bound_of
from tests.problems import linear_gaussian, node
from vaerun.data.base import Dataset
from vaerun.evaluation.base import EvaluationResult
from vaerun.evaluation.calibration import CalibrationEvaluation
from vaerun.experiment.make import make
from vaerun.model.linear_gaussian import LinearGaussian
from vaerun.nn.bounded_scale import LIMIT
from vaerun.strategy.base import Inference

Change = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""(mean, Cholesky factor) of the exact posterior ↦ those of q."""


class FromPosterior(Given):
    """q of every x from the exact posterior, changed in a known way."""

    def __init__(self, model: LinearGaussian, change: Change) -> None:
        super().__init__(bound_of(model, make(node("posterior/full_gaussian"), {"latent_dim": 2})), torch.empty(0))
        self.model, self.change = model, change

    def infer(self, x: Tensor, index: Tensor | None = None, split: str = "new") -> Inference:
        mean, covariance = self.model.exact_posterior(x)
        mean, root = self.change(mean, torch.linalg.cholesky(covariance))
        sigma = root.diagonal()
        entries = torch.cat((sigma.log(), (root / sigma.unsqueeze(1))[1, :1]))
        raw = LIMIT * (entries / LIMIT).atanh()
        return Inference(torch.cat((mean, raw.expand(len(x), -1)), 1))


def calibrated(change: Change, points: int = 2000) -> EvaluationResult:
    W = torch.tensor([[1.0, 0.9], [0.8, 1.0], [0.3, 0.2]])
    model = linear_gaussian(W, torch.zeros(3), 0.5)
    torch.manual_seed(0)
    return CalibrationEvaluation(points=points)(FromPosterior(model, change), Dataset.of(torch.randn(20, 3)))


def metric(result: EvaluationResult, name: str) -> float:
    return result.metrics[f"{name}/simulated"]


def test_the_exact_posterior_is_calibrated_and_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        result = calibrated(lambda mean, root: (mean, root))
    assert caplog.text == ""
    assert min(metric(result, name) for name in ("sbc_p_value", "tarp_p_value")) > 0.01
    for name, right in (("coverage_50", 0.5), ("coverage_90", 0.9), ("overconfidence", 0.0)):
        assert abs(metric(result, name) - right) < 4 * metric(result, f"{name}_se"), name
    assert metric(result, "tarp_deviation") < 1.63 / 2000**0.5
    assert len(result.points["tarp_credibility"]) == 2000
    (picture,) = result.pictures.values()
    assert picture.shape[2] == 3


@pytest.mark.parametrize(
    ("change", "way", "sign"),
    [
        (lambda mean, root: (mean, 0.7 * root), "over-confident", 1),
        (lambda mean, root: (mean, 1.4 * root), "under-confident", -1),
    ],
)
def test_a_wrong_width_is_seen_and_named(change: Change, way: str, sign: int, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        result = calibrated(change)
    assert metric(result, "sbc_p_value") < 1e-6
    assert sign * metric(result, "overconfidence") > 5 * metric(result, "overconfidence_se")
    assert sign * (metric(result, "coverage_90") - 0.9) < -5 * metric(result, "coverage_90_se")
    assert way in caplog.text


def test_a_coverage_of_all_points_has_a_standard_error() -> None:
    result = calibrated(lambda mean, root: (mean, 20 * root), points=100)
    assert metric(result, "coverage_90") == 1
    assert metric(result, "coverage_90_se") == pytest.approx((102 / 104 * 2 / 104 / 104) ** 0.5)


def test_a_shift_is_named_with_its_direction(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        calibrated(lambda mean, root: (mean - 0.5 * root.diagonal(), root))
    assert "too low" in caplog.text


def test_a_correlation_that_q_misses_is_seen_by_all_latents_together_only(caplog: pytest.LogCaptureFixture) -> None:
    def independent(mean: Tensor, root: Tensor) -> tuple[Tensor, Tensor]:
        return mean, (root @ root.T).diagonal().sqrt().diag()

    with caplog.at_level(logging.WARNING):
        result = calibrated(independent, points=4000)
    assert metric(result, "sbc_p_value") > 0.01, "the marginals are right"
    assert metric(result, "tarp_p_value") < 0.01
    assert "misses correlations" in caplog.text


@pytest.mark.parametrize("few", [2, 3])
def test_a_few_points_give_finite_figures(few: int) -> None:
    result = calibrated(lambda mean, root: (mean, root), points=few)
    assert all(value == value for value in result.metrics.values())

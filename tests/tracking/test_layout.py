"""Which chart shows a tag, and that the charts of several runs are one."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from tests.board import ask, serve
from vaerun.bound.monte_carlo import ELBO, KL, LOG_LIKELIHOOD, iwae
from vaerun.estimator.concrete import RELAXED_OBJECTIVE
from vaerun.evaluation.ais import AIS
from vaerun.evaluation.gap_metrics import (
    AMORTIZATION_GAP,
    APPROXIMATION_GAP,
    INFERENCE_GAP,
    LOG_MARGINAL,
    approximation_gap,
    elbo_optimal,
)
from vaerun.evaluation.gradient import GRADIENT_SNR, GRADIENT_VARIANCE
from vaerun.evaluation.latent import ACTIVE_UNITS
from vaerun.evaluation.marginal import ESS
from vaerun.metric.metric import Chart, Metric, by_name
from vaerun.strategy.aggressive import INFORMATION
from vaerun.strategy.iterative_amortized import REFINEMENT_GAIN
from vaerun.strategy.joint import GRADIENT_NORM_PHI
from vaerun.strategy.metrics import INNER_CONVERGED, INNER_STEPS
from vaerun.strategy.phi_init.random import RESTART_GAIN
from vaerun.strategy.semi_amortized import REFINEMENT
from vaerun.tracking.layout import CATEGORIES, charts
from vaerun.tracking.tensorboard import TensorBoard
from vaerun.trainer.metrics import GRADIENT_NORM, OBJECTIVE

BOUNDS = (ELBO, iwae(500), elbo_optimal(), elbo_optimal("full_gaussian"), AIS, LOG_MARGINAL)
GAPS = (APPROXIMATION_GAP, approximation_gap("full_gaussian"), AMORTIZATION_GAP, INFERENCE_GAP)
INNER = (INNER_STEPS, INNER_CONVERGED, REFINEMENT, REFINEMENT_GAIN, RESTART_GAIN, INFORMATION)
OTHERS = (KL, LOG_LIKELIHOOD, OBJECTIVE, RELAXED_OBJECTIVE, GRADIENT_NORM, GRADIENT_NORM_PHI)
WITHOUT = (ACTIVE_UNITS, ESS)
DECLARED = by_name(
    (
        *BOUNDS,
        *(bound.without_density() for bound in BOUNDS),
        *GAPS,
        *INNER,
        *OTHERS,
        *WITHOUT,
        GRADIENT_SNR,
        GRADIENT_VARIANCE,
    )
)
TAGS = {
    "elbo/train": "ELBO and tighter bounds, train",
    "elbo/valid": "ELBO and tighter bounds, valid",
    "pseudo_elbo/valid": "ELBO and tighter bounds, valid",
    "elbo/test": "ELBO and tighter bounds, test",
    "elbo_optimal/test": "ELBO and tighter bounds, test",
    "elbo_optimal_full_gaussian/test": "ELBO and tighter bounds, test",
    "iwae_500/test": "ELBO and tighter bounds, test",
    "pseudo_iwae_500/test": "ELBO and tighter bounds, test",
    "ais/test": "ELBO and tighter bounds, test",
    "log_marginal/test": "ELBO and tighter bounds, test",
    "objective/train": "objective, if it is not the ELBO",
    "relaxed_objective/train": "objective at the relaxed z",
    "log_likelihood/valid": "E_q[log p(x given z)]",
    "kl/train": "KL(q ‖ p(z))",
    "approximation_gap/test": "approximation gap",
    "approximation_gap_full_gaussian/test": "approximation gap",
    "amortization_gap/train": "amortization gap",
    "inference_gap/test": "inference gap, the sum of both",
    "gradient_variance/score_leave_one_out_theta": "tr Cov of the gradient",
    "gradient_snr/own_phi": "signal-to-noise ratio of the gradient",
    "inner_steps/test": "inner steps",
    "inner_converged/test": "share of the points that have converged",
    "refinement/train": "distance that refinement moves φ",
    "refinement_gain/train": "gain by refinement",
    "restart_gain/valid": "gain by restarts",
    "information/train": "mutual information, which ends aggressive training",
    "gradient_norm/theta": "theta",
    "gradient_norm/lam": "lam",
    "gradient_norm_phi/train": "phi, mean over points",
}


def showing(tag: str, among: Iterable[str], declared: Mapping[str, Metric] = DECLARED) -> set[str]:
    """The titles of the charts, of all that ``among`` brings, that match the tag."""
    return {title for _, title, expression in charts(list(among), declared) if re.fullmatch(expression, tag)}


@pytest.mark.parametrize(("tag", "title"), TAGS.items())
def test_a_tag_is_in_one_chart_and_its_error_in_none(tag: str, title: str) -> None:
    assert showing(tag, TAGS) == {title}
    quantity, _, rest = tag.partition("/")
    assert not showing(f"{quantity}_se/{rest}", [*TAGS, f"{quantity}_se/{rest}"])


@pytest.mark.parametrize("tag", ["spent/seconds", "my_elbo/train", "elbo_se/test", "active_units/test", "ess/test"])
def test_other_tags_are_in_none(tag: str) -> None:
    assert not showing(tag, [*TAGS, tag])


def test_categories_are_those_that_every_run_has() -> None:
    assert {metric.chart.category for metric in DECLARED.values() if metric.chart is not None} == set(CATEGORIES)


def test_runs_that_record_other_metrics_of_a_chart_have_equal_charts() -> None:
    one, other = (list(charts([f"{name}/test"], DECLARED)) for name in ("elbo", "pseudo_iwae_500"))
    assert one == other
    assert list(charts(["approximation_gap/test"], DECLARED)) == list(
        charts(["approximation_gap_full_gaussian/test"], DECLARED)
    )


def test_a_metric_of_a_user_brings_its_own_category() -> None:
    mine = by_name((Metric("mine", "my own", chart=Chart("Mine", "my chart")),))
    assert list(charts(["mine/test", "elbo/test"], mine)) == [("Mine", "my chart", "(pseudo_)?mine/.+")]


def test_tensorboard_shows_the_charts_of_every_run_whichever_comes_first(tmp_path: Path) -> None:
    shown = {"a": ["elbo/train"], "b": ["elbo/train", "inner_steps/train"], "c": ["elbo/train", "refinement/train"]}
    for name, tags in shown.items():
        (tmp_path / name).mkdir()
        tracker = TensorBoard(tmp_path / name)
        tracker.declare(DECLARED)
        tracker.scalars(1, dict.fromkeys(tags, 1.0))
        tracker.close("completed")
    with serve(tmp_path) as address:
        merged = ask(f"{address}/data/plugin/custom_scalars/layout")["category"]
    assert [category["title"] for category in merged] == list(CATEGORIES)
    titles = [chart["title"] for category in merged for chart in category.get("chart", [])]
    assert titles == ["ELBO and tighter bounds, train", "inner steps", "distance that refinement moves φ"]

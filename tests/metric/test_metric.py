"""What a metric says of itself, and how it goes to a file and back."""

import json

import pytest

from vaerun.bound.monte_carlo import ELBO, KL, LOG_LIKELIHOOD, LOWER, iwae
from vaerun.evaluation.ais import AIS, AIS_ACCEPTANCE, AIS_ESS, AIS_LOWER, AIS_UPPER, AIS_WIDTH
from vaerun.evaluation.cross import CONVERGED, COORDINATE, ENCODER, FITTED_ENCODER, lost, refined
from vaerun.evaluation.gap_metrics import (
    AMORTIZATION_GAP,
    APPROXIMATION_GAP,
    GAP_POINTS,
    INFERENCE_GAP,
    LOG_MARGINAL,
    approximation_gap,
    elbo_optimal,
    gap_converged,
    iwae_optimal,
)
from vaerun.evaluation.gradient import (
    GRADIENT_BIAS,
    GRADIENT_BIAS_SE,
    GRADIENT_DECODES,
    GRADIENT_SNR,
    GRADIENT_VARIANCE,
)
from vaerun.evaluation.latent import ACTIVE_UNITS, CEILING, MARGINAL_KL, MUTUAL_INFORMATION, kl_dimension
from vaerun.evaluation.marginal import ESS, ESS_MIN, PARETO_K, PARETO_K_ABOVE
from vaerun.metric.metric import Chart, Metric, by_name, error_of, find, is_error, read, write

LOWER_BOUNDS = (ELBO, iwae(5), AIS, AIS_LOWER, ENCODER, FITTED_ENCODER, COORDINATE, refined(20), elbo_optimal())
LOWER_BOUNDS = (*LOWER_BOUNDS, elbo_optimal("low_rank_gaussian"), iwae_optimal(20), iwae_optimal(20, "full_gaussian"))
DIFFERENCES = (APPROXIMATION_GAP, approximation_gap("mixture"), AMORTIZATION_GAP, INFERENCE_GAP)
DIFFERENCES = (*DIFFERENCES, lost(ELBO), lost(refined(20)), lost(ENCODER))
NO_BOUNDS = (KL, LOG_LIKELIHOOD, AIS_WIDTH, AIS_ACCEPTANCE, AIS_ESS, CONVERGED, GAP_POINTS, gap_converged())
NO_BOUNDS = (*NO_BOUNDS, gap_converged("mixture"), GRADIENT_BIAS, GRADIENT_BIAS_SE, GRADIENT_DECODES, GRADIENT_SNR)
NO_BOUNDS = (*NO_BOUNDS, GRADIENT_VARIANCE, ACTIVE_UNITS, CEILING, MARGINAL_KL, MUTUAL_INFORMATION, kl_dimension(12))
NO_BOUNDS = (*NO_BOUNDS, ESS, ESS_MIN, PARETO_K, PARETO_K_ABOVE)
EVERY = (*LOWER_BOUNDS, *DIFFERENCES, *NO_BOUNDS, AIS_UPPER, LOG_MARGINAL)
DECLARED = by_name(EVERY)


@pytest.mark.parametrize(
    ("tag", "meaning"),
    [
        ("elbo/test", LOWER),
        ("iwae_5/test", f"{LOWER}, K = 5"),
        ("iwae_20_optimal/valid", f"{LOWER}, K = 20, by the best q of the family"),
        ("iwae_20_optimal_full_gaussian/test", f"{LOWER}, K = 20, by the best q of full_gaussian"),
        ("elbo_optimal_low_rank_gaussian/test", f"{LOWER}, by the best q of low_rank_gaussian"),
        ("elbo_refined_20/test", f"{LOWER}, after at most 20 steps of ascent"),
        ("ais_lower/simulated", f"{LOWER}, by annealing, at points drawn from the model"),
        ("log_marginal/test", "mean log p(x), exact"),
        ("lost/test", "difference: elbo_coordinate − elbo"),
        ("lost_refined_20/test", "difference: elbo_coordinate − elbo_refined_20"),
        ("lost_encoder_se/test", "standard error of lost_encoder"),
        ("lost_se/test", "standard error of lost"),
        ("elbo_se/test", "standard error of elbo"),
        ("iwae_5_se/test", "standard error of iwae_5"),
        ("gradient_variance_se/own_phi", "standard error of gradient_variance"),
        ("gradient_bias_se/own_phi", "not a bound: the smallest bias that so many draws can show"),
        ("kl_dimension_12/test", "not a bound: KL of latent 12"),
        ("pareto_k_above_0.7/test", "not a bound: fraction of the points with k̂ > 0.7"),
        ("surprise_of_a_plugin/test", "surprise of a plugin"),
        ("surprise", "surprise"),
    ],
)
def test_a_tag_has_its_meaning(tag: str, meaning: str) -> None:
    assert find(DECLARED, tag).meaning == meaning


def test_only_what_bounds_is_called_a_bound() -> None:
    for metric in LOWER_BOUNDS:
        assert (metric.bound, metric.better, metric.unit) == ("lower", "higher", "nat")
        assert metric.meaning.startswith(LOWER)
    assert (AIS_UPPER.bound, AIS_UPPER.better) == ("upper", "lower")
    assert (LOG_MARGINAL.bound, LOG_MARGINAL.better) == ("exact", "higher")
    for metric in NO_BOUNDS:
        assert metric.bound == ""
        assert metric.meaning.startswith("not a bound: ")


def test_a_loss_is_better_lower_and_no_bound() -> None:
    for metric in DIFFERENCES:
        assert (metric.bound, metric.better, metric.unit) == ("", "lower", "nat")
        assert metric.meaning.startswith("difference: ")
    assert all(metric.minimum == 0 for metric in DIFFERENCES if "gap" in metric.name)


def test_names_tell_metrics_apart() -> None:
    assert len(DECLARED) == len(EVERY)


@pytest.mark.parametrize("metric", [*LOWER_BOUNDS, AIS_UPPER, LOG_MARGINAL], ids=lambda metric: metric.name)
def test_what_has_no_density_is_no_bound(metric: Metric) -> None:
    pseudo = metric.without_density()
    assert pseudo.name == f"pseudo_{metric.name}"
    assert pseudo.bound == ""
    assert pseudo.meaning.startswith("not a bound, because the likelihood is not a density")
    assert (pseudo.better, pseudo.unit, pseudo.stands_for) == (metric.better, metric.unit, metric.name)


def test_the_error_of_a_metric_has_a_tag_of_its_own() -> None:
    assert error_of("elbo/test") == "elbo_se/test"
    assert is_error("elbo_se/test")
    assert not is_error("elbo/test")
    assert ELBO.error().better == ""


def test_declarations_survive_a_file_except_for_charts() -> None:
    given = by_name((*EVERY, ELBO.without_density()))
    back = read(json.loads(json.dumps(write(given))))
    assert back.keys() == given.keys()
    assert all(write({name: metric}) == write({name: given[name]}) for name, metric in back.items())
    assert all(metric.chart is None for metric in back.values())
    assert (back["inference_gap"].minimum, back["inference_gap"].order) == (0, INFERENCE_GAP.order)


@pytest.mark.parametrize(
    "about",
    [
        *(None, 3, "elbo", [], {"elbo": None}, {"elbo": {}}, {"elbo": {"meaning": 3}}),
        {"elbo": {"meaning": "a bound", "order": "first"}},
        {"elbo": {"meaning": "a bound", "order": float("nan")}},
        {"elbo": {"meaning": "a bound", "minimum": 10**400}},
        {"elbo": {"meaning": "a bound", "better": "sideways"}},
        {"elbo": {"meaning": "a bound", "bound": ["lower"]}},
        {"elbo": {"title": "ELBO"}},
    ],
)
def test_what_is_no_declaration_is_left_out(about: object) -> None:
    assert read(about) == {}


def test_what_a_later_version_adds_is_no_obstacle() -> None:
    assert read({"elbo": {"meaning": "a bound", "colour": "red"}}) == {"elbo": Metric("elbo", "a bound")}


def test_a_chart_must_show_its_metric() -> None:
    with pytest.raises(ValueError, match="must match the name 'mine'"):
        Metric("mine", "my own", chart=Chart("Bounds", "bounds", r"elbo|iwae_\d+"))

"""What is said of a figure is true of it."""

import pytest
from vaerun.evaluation.meaning import PHRASES, known, meaning

BELOW = "lower bound on mean log p(x)"


@pytest.mark.parametrize(
    ("tag", "phrase"),
    [
        ("elbo/test", BELOW),
        ("iwae_500/test", f"{BELOW}, K = 500"),
        ("iwae_20_optimal/valid", f"{BELOW}, K = 20, by the best q of the family"),
        ("iwae_20_optimal_full_gaussian/test", f"{BELOW}, K = 20, by the best q of full_gaussian"),
        ("elbo_optimal_low_rank_gaussian/test", f"{BELOW}, by the best q of low_rank_gaussian"),
        ("elbo_refined_20/test", f"{BELOW}, after at most 20 steps of ascent"),
        ("ais_lower/simulated", f"{BELOW}, by annealing, at points drawn from the model"),
        ("log_marginal/test", "mean log p(x), exact"),
        ("lost/test", "difference: elbo_coordinate − elbo"),
        ("lost_refined_20/test", "difference: elbo_coordinate − elbo_refined_20"),
        ("lost_encoder_se/test", "standard error of lost_encoder"),
        ("lost_se/test", "standard error of lost"),
        ("pseudo_lost/test", "difference: elbo_coordinate − elbo"),
        ("pseudo_elbo_se/test", "standard error of elbo"),
        ("elbo_se/test", "standard error of elbo"),
        ("iwae_500_se/test", "standard error of iwae_500"),
        ("gradient_variance_se/own_phi", "standard error of gradient_variance"),
        ("gradient_bias_se/own_phi", "no bound: the least bias that so many draws can show"),
        ("kl_dimension_12/test", "no bound: KL of latent 12"),
        ("pareto_k_above_0.7/test", "no bound: share of the points with k̂ > 0.7"),
        ("surprise_of_a_plugin/test", "surprise of a plugin"),
        ("surprise", "surprise"),
    ],
)
def test_a_figure_has_its_phrase(tag: str, phrase: str) -> None:
    assert meaning(tag) == phrase


@pytest.mark.parametrize("name", ["elbo", "iwae_5", "ais", "log_marginal", "elbo_optimal", "ais_upper"])
def test_what_is_no_density_is_called_no_bound(name: str) -> None:
    assert meaning(f"pseudo_{name}/test").startswith("no bound, as the likelihood is no density")


def test_only_what_bounds_is_called_a_bound() -> None:
    bounds = {pattern for pattern, phrase in PHRASES if phrase.startswith(("lower bound", "upper bound"))}
    assert all(pattern.startswith(("elbo", "iwae", "ais")) for pattern in bounds)
    for tag in ("kl", "log_likelihood", "mutual_information", "ess", "ais_width", "active_units", "gap_points"):
        assert meaning(f"{tag}/test").startswith("no bound: ")


def test_no_phrase_is_hidden_by_another() -> None:
    examples = (
        "elbo_fitted_encoder",
        "elbo_coordinate",
        "elbo_optimal",
        "iwae_3",
        "kl_dimension_3",
        "gradient_bias_se",
    )
    for name in examples:
        assert known(name)
        assert "\\" not in meaning(name)
    assert not known("surprise")
    assert known("elbo_se")
    assert not known("surprise_se")

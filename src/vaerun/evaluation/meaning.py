"""What a figure is, and whether it bounds log p(x): a phrase for each tag that an evaluation finds."""

import re
from collections.abc import Sequence

BELOW = "lower bound on mean log p(x)"
BOUNDS = ("lower", "upper", "mean")  # what phrases begin with that are true of densities alone

PHRASES: Sequence[tuple[str, str]] = (
    (r"elbo", BELOW),
    (r"elbo_encoder", f"{BELOW}, by the run's own encoder"),
    (r"elbo_fitted_encoder", f"{BELOW}, by an encoder fitted at fixed θ"),
    (r"elbo_refined_(\d+)", rf"{BELOW}, after at most \1 steps of ascent"),
    (r"elbo_coordinate", f"{BELOW}, by ascents to convergence"),
    (r"elbo_optimal", f"{BELOW}, by the best q of the family"),
    (r"elbo_optimal_(\w+)", rf"{BELOW}, by the best q of \1"),
    (r"iwae_(\d+)", rf"{BELOW}, K = \1"),
    (r"iwae_(\d+)_optimal", rf"{BELOW}, K = \1, by the best q of the family"),
    (r"iwae_(\d+)_optimal_(\w+)", rf"{BELOW}, K = \1, by the best q of \2"),
    (r"lost", "difference: elbo_coordinate − elbo"),
    (r"lost_(\w+?)(?<!_se)", r"difference: elbo_coordinate − elbo_\1"),
    (r"ais|ais_lower", f"{BELOW}, by annealing"),
    (r"ais_upper", "upper bound on mean log p(x), by annealing in reverse"),
    (r"ais_width", "no bound: the upper bound less the lower"),
    (r"ais_acceptance", "no bound: share of the moves accepted"),
    (r"ais_ess", "no bound: effective number of chains"),
    (r"log_marginal", "mean log p(x), exact"),
    (r"approximation_gap", "difference: log p̂(x) − ELBO of the best q of the family"),
    (r"approximation_gap_(\w+)", r"difference: log p̂(x) − ELBO of the best q of \1"),
    (r"amortization_gap", "difference: ELBO of the best q of the family − ELBO of the run's q"),
    (r"inference_gap", "difference: log p̂(x) − ELBO of the run's q"),
    (r"gap_converged(_\w+)?", "no bound: share of the points whose best q was found"),
    (r"gap_points", "no bound: number of points that the gaps are means over"),
    (r"log_likelihood", "no bound: E_q[log p(x given z)], a term of the ELBO"),
    (r"kl", "no bound: KL(q ‖ p(z)), a term of the ELBO"),
    (r"kl_dimension_(\d+)", r"no bound: KL of latent \1"),
    (r"marginal_kl", "no bound: KL of the mean of all q from p(z), estimated"),
    (r"mutual_information", "no bound: of x and z under q, estimated"),
    (r"mutual_information_ceiling", "no bound: the most that so many points can show"),
    (r"active_units", "no bound: number of latents that tell points apart"),
    (r"ess", "no bound: effective samples, mean over points"),
    (r"ess_min", "no bound: effective samples, least of all points"),
    (r"pareto_k", "no bound: tail of the weights, from 0.7 up too heavy"),
    (r"pareto_k_above_([\d.]+)", r"no bound: share of the points with k̂ > \1"),
    (r"inner_steps", "no bound: steps of the ascent in φ, mean over points"),
    (r"inner_converged|coordinate_converged", "no bound: share of the points whose ascent came to its end"),
    (r"restart_gain", "no bound: what the best of several starts gained"),
    (r"gradient_variance", "no bound: tr Cov of the gradient"),
    (r"gradient_snr", "no bound: norm of the mean gradient / √(tr Cov)"),
    (r"gradient_bias", "no bound: norm of the bias / norm of the exact gradient"),
    (r"gradient_bias_se", "no bound: the least bias that so many draws can show"),
    (r"gradient_decodes", "no bound: decoder evaluations of a draw, per point"),
)
"""By pattern of the quantity, what stands before the slash of a tag."""


def meaning(tag: str) -> str:
    """What the figure of a tag is, in a phrase; for an unknown quantity, its name in words.

    >>> meaning("iwae_500/test")
    'lower bound on mean log p(x), K = 500'
    """
    quantity, _, split = tag.partition("/")
    name = quantity.removeprefix("pseudo_")
    phrase = _phrase(name) or _error(name) or quantity.replace("_", " ")
    if name != quantity and phrase.startswith(BOUNDS):
        phrase = f"no bound, as the likelihood is no density; otherwise {phrase}"
    return f"{phrase}, at points drawn from the model" if split == "simulated" else phrase


def known(quantity: str) -> bool:
    """Whether there is a phrase for it."""
    name = quantity.removeprefix("pseudo_")
    return bool(_phrase(name) or _phrase(name.removesuffix("_se")))


def _phrase(name: str) -> str | None:
    for pattern, phrase in PHRASES:
        if match := re.fullmatch(pattern, name):
            return match.expand(phrase)
    return None


def _error(name: str) -> str | None:
    return f"standard error of {name.removesuffix('_se')}" if name.endswith("_se") else None

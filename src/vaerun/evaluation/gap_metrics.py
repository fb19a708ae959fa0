"""The metrics of evaluation=gap: gaps, and the bounds with the best q of a family."""

from vaerun.bound.monte_carlo import BOUNDS, LOWER
from vaerun.metric.metric import Chart, Metric

GAPS = "Gaps, from evaluation=gap"
LOG_MARGINAL = Metric("log_marginal", "mean log p(x), exact", "nat", "higher", "exact", "log p(x)", BOUNDS)
GAP_POINTS = Metric("gap_points", "not a bound: number of points that the gaps are means over")
APPROXIMATION = Chart(GAPS, "approximation gap", r"approximation_gap\w*(?<!_se)")
APPROXIMATION_GAP = Metric(
    "approximation_gap",
    "difference: log p̂(x) − ELBO of the best q of the family",
    "nat",
    "lower",
    chart=APPROXIMATION,
    order=300,
    minimum=0,
)
AMORTIZATION_GAP = Metric(
    "amortization_gap",
    "difference: ELBO of the best q of the family − ELBO of the run's q",
    "nat",
    "lower",
    chart=Chart(GAPS, "amortization gap"),
    order=301,
    minimum=0,
)
INFERENCE_GAP = Metric(
    "inference_gap",
    "difference: log p̂(x) − ELBO of the run's q, the sum of both gaps",
    "nat",
    "lower",
    chart=Chart(GAPS, "inference gap, the sum of both"),
    order=302,
    minimum=0,
)


def approximation_gap(family: str) -> Metric:
    """approximation_gap_FAMILY: the approximation gap of a richer family."""
    meaning = f"difference: log p̂(x) − ELBO of the best q of {family}"
    return Metric(f"approximation_gap_{family}", meaning, "nat", "lower", chart=APPROXIMATION, minimum=0)


def elbo_optimal(family: str = "") -> Metric:
    """elbo_optimal or elbo_optimal_FAMILY: the ELBO with the best q of a family, the run's own unless named."""
    name, whose = named("elbo_optimal", family)
    return Metric(name, f"{LOWER}, by the best q of {whose}", "nat", "higher", "lower", of_best("ELBO", family), BOUNDS)


def iwae_optimal(num_samples: int, family: str = "") -> Metric:
    """iwae_K_optimal or iwae_K_optimal_FAMILY: L_K with the best q of a family."""
    name, whose = named(f"iwae_{num_samples}_optimal", family)
    meaning = f"{LOWER}, K = {num_samples}, by the best q of {whose}"
    return Metric(name, meaning, "nat", "higher", "lower", of_best(f"L_{num_samples}", family), BOUNDS)


def gap_converged(family: str = "") -> Metric:
    """gap_converged or gap_converged_FAMILY."""
    return Metric(named("gap_converged", family)[0], "not a bound: fraction of the points whose best q was found")


def named(quantity: str, family: str) -> tuple[str, str]:
    """The quantity with the family in its name, and the family in words."""
    return (f"{quantity}_{family}", family) if family else (quantity, "the family")


def of_best(title: str, family: str) -> str:
    """``ELBO of q*``, and of which family."""
    return f"{title} of q* ({family})" if family else f"{title} of q*"

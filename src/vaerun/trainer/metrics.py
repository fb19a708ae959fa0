"""The metrics that the training loop itself records."""

from collections.abc import Iterable

from vaerun.bound.monte_carlo import ELBO, KL, LOG_LIKELIHOOD
from vaerun.metric.metric import Chart, Metric, by_name
from vaerun.strategy.base import Strategy

OBJECTIVE = Metric(
    "objective",
    "no bound: what is maximised, where that is not the ELBO",
    "nat",
    chart=Chart("Bounds", "objective, where it is not the ELBO"),
)
GRADIENT_NORM = Metric(
    "gradient_norm", "no bound: norm of the gradient of the last step", chart=Chart("Gradient norms", "{split}")
)


def scheduled(name: str) -> Metric:
    """A scalar that a schedule changes during training, such as the KL weight."""
    return Metric(name, f"no bound: {name.replace('_', ' ')}, as its schedule sets it")


def declared(strategy: Strategy, schedules: Iterable[str]) -> dict[str, Metric]:
    """Every metric that a training records besides those of evaluations, by quantity.

    Args:
        strategy: what is trained.
        schedules: names of the scheduled scalars.
    """
    own = (strategy.bound.metric(ELBO), LOG_LIKELIHOOD, KL, OBJECTIVE, GRADIENT_NORM)
    return {**by_name((*own, *map(scheduled, schedules))), **strategy.declared()}

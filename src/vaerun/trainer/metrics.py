"""The metrics that the training loop itself records."""

from collections.abc import Iterable

from vaerun.bound.monte_carlo import ELBO, KL, LOG_LIKELIHOOD
from vaerun.metric.metric import Chart, Metric, by_name
from vaerun.strategy.base import Strategy

OBJECTIVE = Metric(
    "objective",
    "not a bound: the maximised objective, if it is not the ELBO",
    "nat",
    chart=Chart("Bounds", "objective, if it is not the ELBO"),
)
GRADIENT_NORM = Metric(
    "gradient_norm", "not a bound: norm of the gradient of the last step", chart=Chart("Gradient norms", "{split}")
)


def scheduled(name: str) -> Metric:
    """A scalar that a schedule changes during training, such as the KL weight."""
    return Metric(name, f"not a bound: {name.replace('_', ' ')}, as its schedule sets it")


def declared(strategy: Strategy, schedules: Iterable[str]) -> dict[str, Metric]:
    """All metrics that a training records, by quantity; those of evaluations are not included.

    Args:
        strategy: what is trained.
        schedules: names of the scheduled scalars.
    """
    own = (strategy.bound.metric(ELBO), LOG_LIKELIHOOD, KL, OBJECTIVE, GRADIENT_NORM)
    return {**by_name((*own, *map(scheduled, schedules))), **strategy.declared()}

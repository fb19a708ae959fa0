"""A figure over several seeds: its mean, its standard error, and whether an order holds in every seed."""

import math
import statistics
from collections.abc import Sequence

from reproduction.laboratory import Trained
from reproduction.table import Row, above


def order(differences: Sequence[float]) -> bool | None:
    """Whether a difference is above 0 in every seed, and their mean by more than two standard errors; None if open.

    Args:
        differences: one for each seed, of two runs with the same seed.
    """
    signs = {difference > 0 for difference in differences}
    return above(statistics.fmean(differences), standard_error(differences)) if len(signs) == 1 else None


def standard_error(values: Sequence[float]) -> float:
    """s/√n of a mean over seeds; 0 for one seed, which has none."""
    return statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else 0.0


def row(
    name: str, quantity: str, runs: Sequence[Trained], tag: str, *, budget: str, claim: str = "", holds: bool | None
) -> Row:
    """The mean of a metric over the runs of one experiment.

    Args:
        name: of the experiment.
        quantity: what is compared, with its unit.
        runs: one for each seed.
        tag: of the metric.
        budget: how much of the paper's budget was used.
        claim: what the paper says in words.
        holds: whether it does in our runs; None where it is open.
    """
    values = [run.metrics[tag] for run in runs]
    several = len(values) > 1
    return Row(
        name,
        f"{quantity}, mean of seeds ± its standard error" if several else quantity,
        statistics.fmean(values),
        error=standard_error(values) if several else None,
        claim=claim,
        holds=holds,
        seeds=tuple(run.seed for run in runs),
        budget=budget,
        command="\n".join(run.command for run in runs),
        seconds=sum(run.seconds for run in runs),
    )

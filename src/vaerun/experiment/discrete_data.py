"""Warns about discrete values of x under a density, whose ELBO has no upper bound."""

from collections.abc import Iterator

import torch
from torch import Tensor

from vaerun.data.base import Dataset
from vaerun.model.likelihood.base import Likelihood
from vaerun.strategy.base import Strategy

NUMBERS = 100_000  # values that are looked at
REPEATED = 0.5  # x is discrete if at most this fraction of its values are different; of real numbers, nearly all are


def discrete_under_density(data: Dataset, strategy: Strategy) -> Iterator[str]:
    """One sentence if x takes few values and its likelihood is a density over the real numbers or [0, 1]."""
    likelihood = getattr(strategy.bound.model, "likelihood", None)
    if not isinstance(likelihood, Likelihood) or not likelihood.normalized or likelihood.levels is not None:
        return
    values = distinct(data)
    if values is None:
        return
    yield (
        f"x is discrete ({len(values):,} different values), but {type(likelihood).__name__} is a density: the ELBO has "
        f"no upper bound, because the density at these values can grow without limit, and it cannot be compared with "
        f"the ELBO of a probability of x: {remedy(data, values)}."
    )


def distinct(data: Dataset) -> Tensor | None:
    """The different values of x in some training points; None if x is continuous."""
    if data.support == "binary":
        return torch.tensor([0.0, 1.0])
    rows = data.train.x
    some = data.train.visit(rows[:: max(1, rows.numel() // NUMBERS)]).flatten()
    values = some.unique()
    return values.cpu() if len(values) <= REPEATED * len(some) else None


def remedy(data: Dataset, values: Tensor) -> str:
    """What gives a bounded ELBO for these values."""
    if data.support == "binary":
        return "use model/likelihood=bernoulli"
    noise = "add uniform noise to the values of the data, as wide as the distance between two of them"
    levels = grid(values)
    if levels is None:
        return noise
    return f"use model/likelihood=discretized_logistic model.likelihood.levels={levels}, or {noise}"


def grid(values: Tensor) -> int | None:
    """L if all values are on the grid 0, 1/(L − 1), …, 1, with the fewest levels; None if there is no such grid."""
    if len(values) < 2 or float(values.min()) < 0 or float(values.max()) > 1:
        return None
    ordered = values.double().sort().values
    for levels in (round(1 / float(ordered.diff().min())) + 1, 256):
        places = ordered * (levels - 1)
        if levels <= 256 and bool((places - places.round()).abs().max() < 1e-3):
            return levels
    return None

"""Warns about discrete values of x under a density, whose ELBO has no upper bound."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from vaerun.data.base import Dataset
from vaerun.data.unusable import word
from vaerun.model.likelihood.base import Likelihood
from vaerun.strategy.base import Strategy

NUMBERS = 100_000  # values that are looked at
FEW = 0.2  # a column is discrete if at most this fraction of its values are different: a unit of measurement rounds
UNBOUNDED = "the ELBO has no upper bound, because the density at these values can grow without limit"
REPEATED = 0.5  # x is discrete if at most this fraction of its values are different; of real numbers, nearly all are


def discrete_under_density(data: Dataset, strategy: Strategy, *, keys: Sequence[str] = ()) -> Iterator[str]:
    """One sentence if x takes few values and its likelihood is a density over the real numbers or [0, 1].

    Args:
        data: the data set.
        strategy: with the model.
        keys: those of the source of the data.
    """
    likelihood = getattr(strategy.bound.model, "likelihood", None)
    if not isinstance(likelihood, Likelihood) or not likelihood.normalized or likelihood.levels is not None:
        return
    if data.columns:
        yield from discrete_columns(data, keys)
        return
    if likelihood.data_support == "count":
        return
    values = distinct(data)
    if values is None:
        return
    yield (
        f"x is discrete ({len(values):,} different values), but {type(likelihood).__name__} is a density: {UNBOUNDED}, "
        f"and it cannot be compared with the ELBO of a probability of x: {remedy(data, values, keys)}."
    )


def discrete_columns(data: Dataset, keys: Sequence[str]) -> Iterator[str]:
    """One sentence if real or positive columns take few values, and no noise is added to them."""
    names, rows = [], data.train.x[:NUMBERS]
    for j, column in enumerate(data.columns):
        own = rows[:, j]
        own = own[~own.isnan()]
        if column.kind in ("real", "positive") and not column.width and len(own.unique()) <= FEW * len(own):
            names.append(column.name)
    if not names:
        return
    shown = ", ".join(map(repr, names[:5])) + (", …" if len(names) > 5 else "")
    other = f", or another type, such as {word('categorical', names[0])}" if "categorical" in keys else ""
    what = f"the columns {shown} take" if len(names) > 1 else f"the column {shown} takes"
    yield f"{what} few different values under a density: {UNBOUNDED}: use data.dequantise=true{other}."


def distinct(data: Dataset) -> Tensor | None:
    """The different values of x in some training points; None if x is continuous."""
    if data.support == "binary":
        return torch.tensor([0.0, 1.0])
    rows = data.train.x
    some = data.train.rule(rows[:: max(1, rows.numel() // NUMBERS)]).flatten()
    some = some[~some.isnan()]
    values = some.unique()
    return values.cpu() if len(values) <= REPEATED * len(some) else None


def remedy(data: Dataset, values: Tensor, keys: Sequence[str] = ()) -> str:
    """What gives a bounded ELBO for these values."""
    if data.support == "binary":
        return "use model/likelihood=bernoulli"
    if "dequantise" in keys and len(data.shape) == 1 and grid(values) is None:
        return "use data.dequantise=true, which adds uniform noise as wide as the distance between two values"
    noise = (
        "data.dequantise=true, which adds uniform noise as wide as the distance between two values"
        if "dequantise" in keys and len(data.shape) == 1 and data.binarize == "none"
        else "add uniform noise to the values of the data, as wide as the distance between two of them"
    )
    if data.support == "count":
        return f"use model/likelihood=negative_binomial or another likelihood of counts, or {noise}"
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

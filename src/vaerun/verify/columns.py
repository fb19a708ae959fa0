"""p(x_j given outputs) of typed columns, in the units of the data: it sums to one, and samples and mean are its own."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from vaerun.config.admission import TARGET
from vaerun.experiment.make import make
from vaerun.model.likelihood.base import Likelihood
from vaerun.notation import Column
from vaerun.verify.claim import Claim, within
from vaerun.verify.follow import DRAWS, GRID, distributed
from vaerun.verify.offer import Offer

NORMALISED = 1e-6
COUNTS = 4000  # the sum over a count ends here

COLUMNS = (
    Column("real", mean=3.0, std=0.2, standardised=True),
    Column("other", mean=-70.0, std=40.0, standardised=True),
    Column("positive", kind="positive", mean=1.5, std=0.7, standardised=True),
    Column("count", kind="count", mean=1.0, std=0.5),
    Column("binary", kind="binary", mean=0.4, std=0.5),
    Column("three", kind="categorical", categories=("a", "b", "c"), shares=(0.2, 0.5, 0.3)),
    Column("two", kind="categorical", categories=("a", "b"), shares=(0.5, 0.5)),
)
"""Columns in very different units, so that a wrong change of volume is an error of many orders of magnitude."""


@torch.no_grad()
def claims(offer: Offer, name: str, device: torch.device) -> Iterator[Claim]:
    """Σ p(x_j given outputs) = 1, and samples and mean, over x_j as it is given, for each type of column."""
    option = offer.catalogue.groups["model/likelihood"][name]
    if option.info is None or "columns" not in option.info.parameters:
        return
    kinds = option.info.attributes.get("kinds") or ()
    columns = [column for column in COLUMNS if column.kind in kinds]  # type: ignore[operator]
    node: dict[str, Any] = {**option.content, **offer.keys.get("model/likelihood", {})}
    facts = {"data_dim": len(columns), "data_std": 1.0, "columns": columns}
    likelihood: Likelihood = make({TARGET: node.pop(TARGET), **node}, facts, group="model/likelihood").to(device)
    for weight in likelihood.parameters():
        weight.copy_(0.5 * torch.randn_like(weight))
    outputs = 0.8 * torch.randn(1, 1, likelihood.num_outputs, device=device)
    drawn = likelihood.sample(outputs.expand(1, DRAWS // len(columns), -1))[0]
    mean = likelihood.mean(outputs)[0, 0]
    for j, column in enumerate(columns):
        axis, volume = axis_of(column)
        rows = torch.ones(len(axis), len(columns), device=device)
        rows[:, j] = axis.to(device)
        log_p = likelihood.terms(rows, outputs.expand(1, len(rows), -1))[0, :, j]
        mass, values = log_p.exp() * volume.to(device), axis.to(device)
        total = float(mass.sum())
        error, told = abs(total - 1), f"{total:.9f}"
        claimed = "sums to one over x in its units"
        where = f"{column.kind} {column.name}"
        yield within(name, where, claimed, error=error, allowed=NORMALISED, measured=told)
        yield distributed(name, where, drawn[:, j : j + 1], values, mass.unsqueeze(1))
        if column.kind != "categorical":  # a code has no mean
            spread = (mass @ (values - mass @ values).square()).sqrt()
            off = float((mean[j] - mass @ values).abs() / spread)
            told = f"{off:.1e} standard deviations off"
            yield within(name, where, "mean is E[x]", error=off, allowed=GRID, measured=told)


def axis_of(column: Column) -> tuple[Tensor, Tensor]:
    """The values of a column, and the volume of each: both Float[Tensor, "S"]."""
    y = torch.arange(-60.0, 60.0, 0.01)
    if column.kind == "real":
        return column.mean + column.std * y, torch.full_like(y, 0.01 * column.std)
    if column.kind == "positive":
        x = (column.mean + column.std * y).exp()
        return x, 0.01 * column.std * x
    values = torch.arange(float(COUNTS if column.kind == "count" else len(column.categories) or 2))
    return values, torch.ones_like(values)

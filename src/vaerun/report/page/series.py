"""What is drawn of a configuration against its cost: the seeds' mean with its band, and runs that broke off."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from vaerun.report.matched import COSTS
from vaerun.report.page.curve import Band, Curve, band, content, curve, records
from vaerun.report.page.palette import Look, looks
from vaerun.report.row import Row

BOUND = b'elbo/valid"'  # of elbo/valid and of pseudo_elbo/valid
GRADIENT = b'"gradient_variance/'


@dataclass(frozen=True)
class Series:
    """One line of a figure.

    Attributes:
        name: in the legend.
        look: how it is drawn.
        curves: of the runs that count, one a seed.
        broken: of runs that did not come to their end.
    """

    name: str
    look: Look
    curves: Sequence[Curve]
    broken: Sequence[Curve] = ()

    @cached_property
    def bands(self) -> Mapping[str, Band]:
        """By cost, the seeds' mean and its interval, where there is something to average."""
        made = {cost: band(self.curves, cost) for cost in COSTS if self.curves}
        return {cost: found for cost, found in made.items() if found is not None}

    def end(self, cost: str) -> float | None:
        """What its mean had cost at the end."""
        return float(self.bands[cost].cost[-1]) if cost in self.bands else None


@dataclass(frozen=True)
class Logs:
    """What the runs of a comparison have logged: for each row, its runs, which count, and its records."""

    rows: Sequence[Row]
    records: Mapping[int, Sequence[tuple[bool, Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]]]]

    @classmethod
    def of(cls, rows: Sequence[Row]) -> "Logs":
        """Reads every run once, also those that have no figure at the cost asked for.

        A completed run is left out where its seed was run again, and any other is no part of a mean unless it has one.
        """
        read: dict[int, list[tuple[bool, Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]]]] = {}
        for place, row in enumerate(rows):
            read[place] = []
            counted = {str(entry.run.seed) for entry in row.entries if entry.used}
            for entry in row.entries:
                completed = entry.run.status == "completed"
                if completed and not entry.used and str(entry.run.seed) in counted:
                    continue
                text = content(entry.run.directory)
                read[place].append((entry.used or completed, records(text, BOUND), records(text, GRADIENT)))
        return cls(rows, read)

    def bounds(self, tag: str) -> list[Series]:
        """A line per configuration that has recorded ``tag``."""
        made = []
        for place, (row, look) in enumerate(zip(self.rows, looks(len(self.rows)), strict=True)):
            found = [(used, curve(bound, tag)) for used, bound, _ in self.records[place]]
            whole = [one for used, one in found if used and one is not None]
            broken = [one for used, one in found if not used and one is not None]
            if whole or broken:
                made.append(Series(row.name, look, whole, broken))
        return made

    def gradients(self, group: str) -> dict[str, list[Series]]:
        """The variances of gradients in ``group`` by estimator, a line per configuration.

        Of a single configuration the lines are its estimators, under the empty name.
        """
        found: dict[str, list[Series]] = {}
        for place, (row, look) in enumerate(zip(self.rows, looks(len(self.rows)), strict=True)):
            taken = [gradient for used, _, gradient in self.records[place] if used]
            tags = sorted({tag for some in taken for record in some for tag in record if is_variance(tag, group)})
            for tag in tags:
                lines = [one for some in taken if (one := curve(some, tag)) is not None]
                if any(len(one.values) > 1 for one in lines):
                    found.setdefault(estimator_of(tag), []).append(Series(row.name, look, lines))
        if len({one.name for some in found.values() for one in some}) != 1:
            return found
        every = zip(found.items(), looks(len(found)), strict=True)
        return {"": [Series(name, look, some[0].curves) for (name, some), look in every]}


def is_variance(tag: str, group: str) -> bool:
    """Whether it is the variance of the gradient in one of the groups theta, phi and lam."""
    quantity, _, name = tag.partition("/")
    return quantity == "gradient_variance" and name.endswith(f"_{group}")


def estimator_of(tag: str) -> str:
    """``score`` of ``gradient_variance/score_phi``."""
    return tag.partition("/")[2].rpartition("_")[0]


def below(series: Sequence[Series]) -> list[Series]:
    """The lines that never come up to what the axis shows."""
    shown = limits(series)
    bands = [(one, one.bands.get("steps")) for one in series]
    return [one for one, found in bands if shown and found and float(found.mean.max()) < shown[0]]


def limits(series: Sequence[Series]) -> tuple[float, float] | None:
    """What the value axis shows, whatever the cost: of the better half of the lines all but their lowest quarter.

    The first records are far below what is worth telling apart, and so may a configuration be that has failed.
    """
    bands = [one.bands["steps"] for one in series if "steps" in one.bands]
    if not bands:
        return None
    bands.sort(key=lambda found: -float(found.mean[-1]))
    better = bands[: len(bands) // 2 + 1]
    low = min(float(np.quantile(found.mean - found.half_width, 0.25)) for found in better)
    high = max(float((found.mean + found.half_width).max()) for one in series for found in one.bands.values())
    return low, high

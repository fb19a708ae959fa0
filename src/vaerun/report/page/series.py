"""The lines of plots against cost: mean and band over seeds, and runs that did not complete."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from vaerun.report.matched import COSTS
from vaerun.report.page.curve import Band, Curve, band, content, curve, records
from vaerun.report.page.style import Style, styles
from vaerun.report.row import Row

BOUND = b'elbo/valid"'  # of elbo/valid and of pseudo_elbo/valid
GRADIENT = b'"gradient_variance/'


@dataclass(frozen=True)
class Series:
    """One line of a plot.

    Attributes:
        name: in the legend.
        style: its colour, marker and dashes.
        curves: one per seed.
        incomplete: curves of runs that are not part of the mean.
    """

    name: str
    style: Style
    curves: Sequence[Curve]
    incomplete: Sequence[Curve] = ()

    @cached_property
    def bands(self) -> Mapping[str, Band]:
        """The mean over seeds and its interval, by cost; a cost that the seeds have no common range of is left out."""
        made = {cost: band(self.curves, cost) for cost in COSTS if self.curves}
        return {cost: found for cost, found in made.items() if found is not None}

    def end(self, cost: str) -> float | None:
        """The largest cost that the mean reaches."""
        return float(self.bands[cost].cost[-1]) if cost in self.bands else None


@dataclass(frozen=True)
class Logs:
    """The records of the compared runs: for each row and run, whether it counts, and its bounds and variances."""

    rows: Sequence[Row]
    records: Mapping[int, Sequence[tuple[bool, Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]]]]

    @classmethod
    def of(cls, rows: Sequence[Row]) -> "Logs":
        """Reads the records of every run once.

        A completed run that is not used is left out if its seed was run again. Other runs that neither completed nor
        are used have curves, which are not part of the mean.
        """
        read: dict[int, list[tuple[bool, Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]]]] = {}
        for position, row in enumerate(rows):
            read[position] = []
            counted = {str(entry.run.seed) for entry in row.entries if entry.used}
            for entry in row.entries:
                completed = entry.run.status == "completed"
                if completed and not entry.used and str(entry.run.seed) in counted:
                    continue
                text = content(entry.run.directory)
                read[position].append((entry.used or completed, records(text, BOUND), records(text, GRADIENT)))
        return cls(rows, read)

    def bounds(self, tag: str) -> list[Series]:
        """A line for each configuration that recorded ``tag``."""
        made = []
        for position, (row, style) in enumerate(zip(self.rows, styles(len(self.rows)), strict=True)):
            found = [(used, curve(bound, tag)) for used, bound, _ in self.records[position]]
            whole = [one for used, one in found if used and one is not None]
            incomplete = [one for used, one in found if not used and one is not None]
            if whole or incomplete:
                made.append(Series(row.name, style, whole, incomplete))
        return made

    def gradients(self, group: str) -> dict[str, list[Series]]:
        """The variance of the gradient in ``group``: for each estimator, a line for each configuration.

        With a single configuration, each estimator is a line, and the key is empty.
        """
        found: dict[str, list[Series]] = {}
        for position, (row, style) in enumerate(zip(self.rows, styles(len(self.rows)), strict=True)):
            taken = [gradient for used, _, gradient in self.records[position] if used]
            tags = sorted({tag for some in taken for record in some for tag in record if is_variance(tag, group)})
            for tag in tags:
                lines = [one for some in taken if (one := curve(some, tag)) is not None]
                if any(len(one.values) > 1 for one in lines):
                    found.setdefault(estimator_of(tag), []).append(Series(row.name, style, lines))
        if len({one.name for some in found.values() for one in some}) != 1:
            return found
        every = zip(found.items(), styles(len(found)), strict=True)
        return {"": [Series(name, style, some[0].curves) for (name, some), style in every]}


def is_variance(tag: str, group: str) -> bool:
    """Whether ``tag`` is a variance of the gradient in ``group``: theta, phi or lam."""
    quantity, _, name = tag.partition("/")
    return quantity == "gradient_variance" and name.endswith(f"_{group}")


def estimator_of(tag: str) -> str:
    """``score`` of ``gradient_variance/score_phi``."""
    return tag.partition("/")[2].rpartition("_")[0]


def below(series: Sequence[Series]) -> list[Series]:
    """The lines that are below the value axis throughout."""
    shown = limits(series)
    bands = [(one, one.bands.get("steps")) for one in series]
    return [one for one, found in bands if shown and found and float(found.mean.max()) < shown[0]]


def limits(series: Sequence[Series]) -> tuple[float, float] | None:
    """The range of the value axis: the better half of the lines without the lowest quarter of their values.

    Values at the start of training, and those of failed configurations, are so low that they would leave no room to
    distinguish the others.
    """
    bands = [one.bands["steps"] for one in series if "steps" in one.bands]
    if not bands:
        return None
    bands.sort(key=lambda found: -float(found.mean[-1]))
    better = bands[: len(bands) // 2 + 1]
    low = min(float(np.quantile(found.mean - found.half_width, 0.25)) for found in better)
    high = max(float((found.mean + found.half_width).max()) for one in series for found in one.bands.values())
    return low, high

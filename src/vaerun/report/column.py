"""The columns of a comparison: titles, which direction is better, and number formats."""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from vaerun.metric.interval import Interval
from vaerun.metric.metric import Metric, error_of, find, is_error

SPLITS = ("train", "valid", "test", "simulated")
BETTER = {"higher": 1, "lower": -1, "": 0}


class Column(NamedTuple):
    """One metric or cost of every run.

    Attributes:
        name: its tag, or one of COSTS.
        title: in words.
        better: 1 if higher is better, -1 if lower is, 0 if neither.
        unit: nat, or another unit.
        meaning: one phrase; empty if the title is clear.
        minimum: its smallest possible value; a mean below it is never the best. None for no minimum.
    """

    name: str
    title: str
    better: int
    unit: str
    meaning: str = ""
    minimum: float | None = None


COSTS = {
    column.name: column
    for column in (
        Column("steps", "steps", 0, ""),
        Column("seconds", "training seconds", -1, "s", "time in training steps, evaluation and compiling excluded"),
        Column("compile_seconds", "compile seconds", 0, "s", "time to compile programs, of training and evaluations"),
        Column(
            "decoder_evaluations",
            "decoder evaluations",
            -1,
            "",
            "number of z decoded for an x in training; it does not depend on the machine",
        ),
        Column(
            "samples_per_second",
            "samples per second",
            1,
            "1/s",
            "data points per second of training steps, evaluation excluded",
        ),
        Column("peak_memory", "peak memory (MB)", -1, "MB"),
        Column("phi", "φ parameters", 0, "", "numbers stored per data point, N·P in all"),
        Column("lam", "λ parameters", 0, ""),
        Column("theta", "θ parameters", 0, ""),
    )
}
READ = "read at"
COUNTS = ("steps", "decoder_evaluations", "phi", "lam", "theta", "samples_per_second", "peak_memory")
AFTER = ("seconds", "compile_seconds", "decoder_evaluations", "samples_per_second", "peak_memory", "phi", "lam")
MATCHED = ("steps", "seconds", "compile_seconds", "decoder_evaluations", "phi", "lam")
COSTS_ORDER = 500.0  # of the costs among the default columns
HUGE, HUGE_BOUND = 1e12, 1e6  # larger numbers are written with an exponent; such a bound has nearly diverged


def column(name: str, declared: Mapping[str, Metric], matched: str | None = None) -> Column:
    """The column of a metric or a cost.

    Args:
        name: a tag, or one of COSTS.
        declared: metrics by quantity; others have plain names.
        matched: the cost at which the runs are compared, if any.
    """
    if name == matched:
        return COSTS[name]._replace(title=f"{READ} {name.replace('_', ' ')}", better=0)
    if name in COSTS:
        return COSTS[name]
    metric, part = find(declared, name), name.partition("/")[2]
    title = f"{part} {metric.title}" if part in SPLITS else f"{metric.title} {part}"
    meaning = metric.meaning if metric.name in declared else ""
    return Column(name, title.strip(), BETTER[metric.better], metric.unit, meaning, metric.minimum)


def default(names: Iterable[str], split: str, declared: Mapping[str, Metric]) -> list[str]:
    """The default columns, in the order of their metrics.

    If nothing is declared, as in runs of earlier versions, every metric with a standard error is shown.

    Args:
        names: of all columns.
        split: whose metrics are shown, besides those of no split.
        declared: metrics by quantity.
    """
    present = set(names)
    costs = AFTER if split == "test" else MATCHED
    places: dict[str, tuple[float, int, str]] = {
        name: (COSTS_ORDER, place, name) for place, name in enumerate(costs) if name in present
    }
    for name in present:
        quantity, _, part = name.partition("/")
        order = find(declared, name).order
        if order is None and not declared and error_of(name) in present:
            order = 0.0
        if order is not None and (part == split or part not in ("", *SPLITS)):
            places[name] = (order, _number(quantity), name)
    return sorted((name for name in places if not is_error(name)), key=lambda name: places[name])


def _number(quantity: str) -> int:
    """The K of iwae_K: names with a number are ordered by it."""
    numbers = re.findall(r"\d+", quantity)
    return int(numbers[0]) if numbers else 0


def writer(of: Column, found: Iterable[Interval]) -> Callable[[float], str]:
    """The number format of a column: as many decimals as its values and intervals need."""
    found = list(found)
    if of.unit == "nat":
        widths = [one.half_width for one in found if one.half_width]
        decimals = 3 if widths and min(widths) < 0.02 else 2
    elif of.name in COUNTS:
        decimals = 0
    else:
        least = min((abs(one.mean) for one in found if one.mean), default=1.0)
        decimals = min(6, max(0, 2 - math.floor(math.log10(least))))
    huge = HUGE_BOUND if of.unit == "nat" else HUGE
    return lambda value: f"{value:.2e}" if abs(value) >= huge else f"{value:,.{decimals}f}"

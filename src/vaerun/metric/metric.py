"""A metric: what a reported number means, its unit, which way is better, and what it bounds."""

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Literal, NamedTuple, final, get_args

Better = Literal["higher", "lower", ""]
Bounds = Literal["lower", "upper", "exact", ""]


class Chart(NamedTuple):
    """A chart of TensorBoard's Custom Scalars tab.

    TensorBoard shows the charts of several runs as one only if they are equal. A chart therefore names its quantities
    by a pattern and not by what one run has recorded.

    Attributes:
        category: the heading that the chart stands under.
        title: of the chart; where it contains ``{split}``, there is one chart for each split.
        quantities: a regular expression for all quantities of the chart; empty for one metric alone.
    """

    category: str
    title: str
    quantities: str = ""


@final
@dataclass(frozen=True)
class Metric:
    """What a reported number is. A tag ``quantity/split`` names a value of the metric ``quantity`` on one split.

    An evaluation, a strategy or an estimator declares a Metric for each quantity that it reports; ``vaerun eval``,
    ``vaerun compare``, the HTML report and TensorBoard take their words and their order from it.

    Args:
        name: the quantity: what stands before the slash of a tag.
        meaning: what it is, in a phrase.
        unit: ``nat``, or empty for a number without a unit.
        better: ``higher``, ``lower``, or empty where neither is better.
        bound: ``lower`` or ``upper`` for a bound on log p(x), ``exact`` for log p(x) itself, else empty.
        title: a short head for a table column; the name in words unless given.
        chart: where TensorBoard shows it; None for the Time Series tab alone.
        order: its place among the default columns of ``vaerun compare``, the smallest first (ELBO 0, costs 500); None
            for a metric that is shown only when it is asked for.
        minimum: the smallest value that it can have in theory; an estimate below it wins no comparison. None for any.
        stands_for: the bound that this metric stands for where the likelihood is no density; empty for all others.

    Raises:
        ValueError: the chart's pattern does not match the name.
    """

    name: str
    meaning: str
    unit: str = ""
    better: Better = ""
    bound: Bounds = ""
    title: str = ""
    chart: Chart | None = None
    order: float | None = None
    minimum: float | None = None
    stands_for: str = ""

    def __post_init__(self) -> None:
        if not self.title:
            object.__setattr__(self, "title", self.name.replace("_", " "))
        if self.chart is not None and self.chart.quantities and not re.fullmatch(self.chart.quantities, self.name):
            raise ValueError(f"the pattern {self.chart.quantities!r} of the chart must match the name {self.name!r}")

    def without_density(self) -> "Metric":
        """``pseudo_NAME``: what stands for this metric under a likelihood that is no density. It bounds nothing."""
        return replace(
            self,
            name=f"pseudo_{self.name}",
            meaning=f"no bound, as the likelihood is no density; otherwise {self.meaning}",
            bound="",
            title=f"pseudo-{self.title}",
            order=None if self.order is None else self.order + 1,
            stands_for=self.name,
        )

    def error(self) -> "Metric":
        """Its standard error: ``NAME_se``."""
        return Metric(f"{self.name}_se", f"standard error of {self.name}", self.unit)


class Declares:
    """Something that reports metrics: a strategy, a part of a strategy, an estimator."""

    metrics: ClassVar[tuple[Metric, ...]] = ()
    """One for each quantity of the diagnostics that it reports."""


def by_name(metrics: Iterable[Metric]) -> dict[str, Metric]:
    """Metrics by quantity."""
    return {metric.name: metric for metric in metrics}


def is_error(tag: str) -> bool:
    """Whether ``tag`` is the standard error of another metric."""
    return tag.partition("/")[0].endswith("_se")


def error_of(tag: str) -> str:
    """The tag of a metric's standard error: ``elbo_se/test`` of ``elbo/test``."""
    quantity, _, split = tag.partition("/")
    return f"{quantity}_se/{split}"


def find(declared: Mapping[str, Metric], tag: str) -> Metric:
    """The metric of a tag; one that knows only its name where nothing was declared.

    Args:
        declared: metrics by quantity.
        tag: ``quantity/split``, or the quantity alone.
    """
    quantity = tag.partition("/")[0]
    if quantity in declared:
        return declared[quantity]
    base = quantity.removesuffix("_se")
    return declared[base].error() if base in declared else Metric(quantity, quantity.replace("_", " "))


def write(declared: Mapping[str, Metric]) -> dict[str, dict[str, Any]]:
    """Declarations as JSON, by quantity, what is empty left out; charts are for TensorBoard alone and are left out."""
    return {
        name: {
            key: value
            for key, value in asdict(replace(metric, chart=None)).items()
            if key != "name" and value not in (None, "")
        }
        for name, metric in declared.items()
    }


def read(about: Any) -> dict[str, Metric]:
    """The declarations that a file holds; an entry that is not one is left out.

    Args:
        about: from a file, so it may be anything.
    """
    found: dict[str, Metric] = {}
    for name, entry in about.items() if isinstance(about, Mapping) else ():
        known = {key: value for key, value in entry.items() if key in READ} if isinstance(entry, Mapping) else {}
        if "meaning" in known and all(READ[key](value) for key, value in known.items()):
            found[name] = Metric(name, **known)
    return found


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and abs(value) <= sys.float_info.max


READ: Mapping[str, Callable[[Any], bool]] = {
    "meaning": _is_text,
    "unit": _is_text,
    "better": lambda value: value in get_args(Better),
    "bound": lambda value: value in get_args(Bounds),
    "title": _is_text,
    "order": _is_number,
    "minimum": _is_number,
    "stands_for": _is_text,
}
"""What ``read`` takes from a file, and which values it accepts."""

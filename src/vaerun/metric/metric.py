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

    TensorBoard shows one chart for several runs only if their declarations are equal. A chart therefore names its
    quantities by a pattern, and not by the tags that one run has recorded.

    Attributes:
        category: the heading above the chart.
        title: of the chart; where it contains ``{split}``, there is one chart for each split.
        quantities: a regular expression for all quantities of the chart; empty if it shows one metric only.
    """

    category: str
    title: str
    quantities: str = ""


@final
@dataclass(frozen=True)
class Metric:
    """The declaration of a reported number. A tag ``quantity/split`` is the metric ``quantity`` on one split.

    An evaluation, a strategy or an estimator declares a Metric for each quantity that it reports; ``vaerun eval``,
    ``vaerun compare``, the HTML report and TensorBoard take titles, meanings and order from it.

    Args:
        name: the quantity, the part of a tag before the slash.
        meaning: one phrase.
        unit: ``nat``, or empty for a number without a unit.
        better: ``higher``, ``lower``, or empty if neither is better.
        bound: ``lower`` or ``upper`` for a bound on log p(x), ``exact`` for log p(x) itself, else empty.
        title: a short title for a table column; by default the name with spaces.
        chart: its chart in TensorBoard; None if only the Time Series tab shows it.
        order: its position among the default columns of ``vaerun compare``, smallest first (ELBO 0, costs 500); None
            for a metric that is shown only on request.
        minimum: its smallest possible value; an estimate below it is never marked as best. None for no minimum.
        stands_for: the bound that this metric replaces if the likelihood is not a density; empty otherwise.

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
        """``pseudo_NAME``: replaces this metric if the likelihood is not a density. It is not a bound."""
        return replace(
            self,
            name=f"pseudo_{self.name}",
            meaning=f"not a bound, because the likelihood is not a density; otherwise {self.meaning}",
            bound="",
            title=f"pseudo-{self.title}",
            order=None if self.order is None else self.order + 1,
            stands_for=self.name,
        )

    def about(self, target: str) -> "Metric":
        """This metric of a model whose bounds are on log p(``target``) and not on log p(x)."""
        return replace(self, meaning=self.meaning.replace("log p(x)", f"log p({target})"))

    def error(self) -> "Metric":
        """Its standard error: ``NAME_se``."""
        return Metric(f"{self.name}_se", f"standard error of {self.name}", self.unit)


class Declares:
    """An object that reports metrics: a strategy, a part of a strategy, or an estimator."""

    metrics: ClassVar[tuple[Metric, ...]] = ()
    """One metric for each quantity in the diagnostics that it reports."""


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
    """The metric of a tag; if none was declared, a metric with a name only.

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
    """Declarations as JSON, by quantity, without empty fields and without charts."""
    return {
        name: {
            key: value
            for key, value in asdict(replace(metric, chart=None)).items()
            if key != "name" and value not in (None, "")
        }
        for name, metric in declared.items()
    }


def read(about: Any) -> dict[str, Metric]:
    """The declarations in a file; invalid entries are left out.

    Args:
        about: read from a file, so it can be any JSON value.
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
"""The fields that ``read`` takes from a file, and the values that it accepts."""

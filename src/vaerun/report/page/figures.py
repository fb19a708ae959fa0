"""Which figures a comparison has, each under the question that it answers."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from vaerun.metric.metric import find, is_error
from vaerun.report.cell import cells
from vaerun.report.column import Column
from vaerun.report.comparison import Comparison
from vaerun.report.page.canvas import Drawing
from vaerun.report.page.lines import bound_drawings, extent, variance_drawing
from vaerun.report.page.palette import looks
from vaerun.report.page.places import Place, bar_drawing, place_drawing, window
from vaerun.report.page.series import Logs, Series, below, estimator_of, is_variance

GROUPS = {"theta": "θ", "phi": "φ", "lam": "λ"}


class Section(NamedTuple):
    """Some figures that belong together.

    Attributes:
        name: of the section, without spaces.
        title: the question.
        caption: how to read them.
        drawings: the figures.
        series: the lines in all of them, for one legend; empty where each line has its name.
    """

    name: str
    title: str
    caption: str
    drawings: Sequence[Drawing]
    series: Sequence[Series] = ()


def sections(comparison: Comparison) -> Iterator[Section]:
    """The figures after the first one, in the order in which a reader asks for them."""
    logs = Logs.of(comparison.rows)
    yield from _bounds(comparison, logs)
    yield from _gaps(comparison)
    yield from _gradients(comparison, logs)


def headline(comparison: Comparison) -> Drawing | None:
    """The column that the answer is about, configuration by configuration."""
    if comparison.headline is None:
        return None
    found = places(comparison, comparison.headline)
    if not found:
        return None
    title, better = comparison.headline.title, comparison.headline.better
    unit = "nat, more is better" if better > 0 else "nat, less is better"
    return place_drawing(found, name=_file(comparison.headline.name), title=f"{title}, 95 % intervals", unit=unit,
                         better=better)  # fmt: skip


def places(comparison: Comparison, of: Column) -> list[Place]:
    """A column of the table, the numbers as they stand there."""
    made = zip(comparison.rows, looks(len(comparison.rows)), cells(comparison.rows, of), strict=True)
    return [Place(row.name, cell.written(), look, row.samples[of.name]) for row, look, cell in made if cell is not None]


def _bounds(comparison: Comparison, logs: Logs) -> Iterator[Section]:
    tags = ["elbo/valid", "pseudo_elbo/valid"]
    if comparison.headline is not None:
        tags.append(f"{comparison.headline.name.partition('/')[0]}/valid")
    for tag in dict.fromkeys(tags):
        series = logs.bounds(tag)
        if not series:
            continue
        title = comparison.column(tag).title
        drawings = bound_drawings(series, name=_file(tag), title=title, at=comparison.at)
        yield Section(_file(tag), f"How fast does the {title} rise?", _bounds_caption(series), drawings, series)


def _bounds_caption(series: Sequence[Series]) -> str:
    counts = {len(one.curves) for one in series if one.curves}
    said = []
    if any(count > 1 for count in counts):
        said.append("Lines are means over seeds, as far as all of them have come; bands are 95 % intervals of the mean "
                    "(Student's t).")  # fmt: skip
    single = [one.name for one in series if len(one.curves) == 1]
    if single:
        said.append(f"Of a single seed, and so without a band: {_few(single)}.")
    off = [one.name for one in below(series)]
    if off:
        said.append(f"Below the axis throughout: {_few(off)}.")
    if any(one.broken for one in series):
        said.append("A dotted line to a cross is a run that broke off, or takes no part in the comparison.")
    said.append("The early rise is cut off below; costs are on a logarithmic scale where they lie far apart.")
    return " ".join(said)


def _few(names: Sequence[str]) -> str:
    """The names, or how many they are."""
    return ", ".join(names) if len(names) <= 3 else f"{len(names)} configurations"


def _gaps(comparison: Comparison) -> Iterator[Section]:
    metrics = {name: find(comparison.declared, name) for name in _present(comparison)}
    gaps = {name: metric.order for name, metric in metrics.items() if metric.unit == "nat" and metric.minimum == 0}
    names = [name for name, order in gaps.items() if order is not None]
    names.sort(key=lambda name: (name.partition("/")[2], gaps[name]))
    if not names:
        return
    found = {name: places(comparison, comparison.column(name)) for name in names}
    limits = window([place for some in found.values() for place in some], -1)
    drawings = [
        bar_drawing(some, name=_file(name), title=comparison.column(name).title, unit="nat", limits=limits)
        for name, some in found.items()
    ]
    caption = (
        "Approximation gap: what the family cannot reach, log p(x) − L[q*]. Amortization gap: what the strategy's q "
        "loses against the best q* of the family. Their sum, the inference gap, is KL(q ‖ p(z given x)). Whiskers are "
        "95 % intervals; a negative bar is no gap, but says that q* or log p(x) has not been found."
    )
    yield Section("gaps", "Why is the bound loose?", caption, drawings)


def _gradients(comparison: Comparison, logs: Logs) -> Iterator[Section]:
    panels = {group: logs.gradients(group) for group in GROUPS}
    every = [one for panel in panels.values() for some in panel.values() for one in some]
    drawings: list[Drawing] = []
    for group, letter in GROUPS.items():
        title, name = f"variance of the gradient in {letter}", f"gradient_variance_{group}"
        limits = extent([one for some in panels[group].values() for one in some])
        for estimator, some in panels[group].items():
            own, file = (f"{estimator}: {title}", f"{name}_{_file(estimator)}") if estimator else (title, name)
            drawings.append(variance_drawing(some, name=f"{file}_steps", title=own, limits=limits))
        found = _variances(comparison, group) if not panels[group] else []
        if found:
            drawings.append(place_drawing(found, name=name, title=title, unit="variance, less is better", log=True))
    if drawings:
        caption = (
            "Var[∇L] summed over the parameters of each group, less is better, on a logarithmic scale. Only "
            "estimators of one run were taken at the same parameters and on the same batch."
        )
        names = {one.name: one for one in every}
        yield Section("gradients", "How noisy are the gradients?", caption, drawings, list(names.values()))


def _variances(comparison: Comparison, group: str) -> list[Place]:
    """Every estimator's figure of every configuration, least first."""
    tags = [name for name in _present(comparison) if is_variance(name, group)]
    several = sum(any(tag in row.samples for tag in tags) for row in comparison.rows) > 1
    found = [
        place._replace(name=f"{estimator_of(tag)}: {place.name}" if several else estimator_of(tag))
        for tag in tags
        for place in places(comparison, comparison.column(tag))
    ]
    return sorted(found, key=lambda place: place.sample.mean)


def _present(comparison: Comparison) -> list[str]:
    samples: Mapping[str, object] = {name: None for row in comparison.rows for name in row.samples}
    return sorted(name for name in samples if not is_error(name))


def _file(tag: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in tag)

"""One figure of several configurations, line by line: a place with its 95 % interval, or a bar from zero."""

import math
import textwrap
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from vaerun.metric.interval import Sample, interval
from vaerun.report.page.canvas import Drawing
from vaerun.report.page.palette import INK, MUTED, PAPER, Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 10  # lines of a drawing; what is worse stands in the table
LETTERS = 52  # of a name that fit beside its number
FAR = 3  # times the spread of the better half: what is further off stands at the edge


class Place(NamedTuple):
    """One line: its name, the number as the table writes it, how it looks, and the sample it is of."""

    name: str
    text: str
    look: Look
    sample: Sample


def place_drawing(
    places: Sequence[Place], *, name: str, title: str, unit: str, better: int = -1, log: bool = False
) -> Drawing:
    """A place for each, the single seeds as dots behind it; ``better`` is 1 where more is."""
    places = places[:MOST]
    limits = None if log else window(places, better)
    return Drawing(name, title, _height(places), partial(_places, places=places, unit=unit, limits=limits))


def bar_drawing(places: Sequence[Place], *, name: str, title: str, unit: str, limits: tuple[float, float]) -> Drawing:
    """A bar from zero for each, on an axis that drawings to be held against each other have in common."""
    places = places[:MOST]
    return Drawing(name, title, _height(places), partial(_bars, places=places, unit=unit, limits=limits))


def window(places: Sequence[Place], better: int) -> tuple[float, float]:
    """From the least to the greatest number worth telling apart: the better half with its intervals, and what is near.

    One configuration that has failed would otherwise press all others into one point.
    """
    ordered = sorted(places, key=lambda place: -better * place.sample.mean)
    low, high = _reach(ordered[: len(ordered) // 2 + 1])
    far = FAR * (high - low) or math.inf
    near = [place for place in ordered if low - far <= place.sample.mean <= high + far]
    return _reach(near)


def _reach(places: Sequence[Place]) -> tuple[float, float]:
    """The least and the greatest number that the samples and their intervals hold."""
    found = [interval(place.sample) for place in places]
    values = [value for place in places for value in place.sample.values]
    return (
        min(*values, *(one.mean - (one.half_width or 0.0) for one in found)),
        max(*values, *(one.mean + (one.half_width or 0.0) for one in found)),
    )


def _height(places: Sequence[Place]) -> float:
    return 0.75 + sum(0.27 + 0.19 * len(_name(place)) for place in places)


def _places(axes: "Axes", *, places: Sequence[Place], unit: str, limits: tuple[float, float] | None) -> None:
    """Places between ``limits``, those beyond as arrows at the edge; without limits, on a logarithmic axis."""
    lines = _names(axes, places)
    for line, place in zip(lines, places, strict=True):
        found, colour = interval(place.sample), place.look.light
        if limits is not None and not limits[0] <= found.mean <= limits[1]:
            edge, arrow = (0.0, "<") if found.mean < limits[0] else (1.0, ">")
            axes.plot([edge], [line], color=colour, marker=arrow, markersize=7, clip_on=False,
                      transform=axes.get_yaxis_transform())  # fmt: skip
            continue
        if len(place.sample.values) > 1:
            axes.plot(place.sample.values, [line] * len(place.sample.values), color=colour, marker="o",
                      markersize=4, alpha=0.45, linestyle="", markeredgewidth=0)  # fmt: skip
        _whisker(axes, found.mean, found.half_width, line, colour)
        axes.plot([found.mean], [line], color=colour, marker=place.look.marker or "o", markersize=8)
    if limits is not None:
        room = 0.06 * (limits[1] - limits[0]) or 0.5
        axes.set_xlim(limits[0] - room, limits[1] + room)
    elif all(value > 0 for place in places for value in place.sample.values):
        axes.set_xscale("log")
        powers(axes.xaxis)
    axes.set_xlabel(unit)


def _bars(axes: "Axes", *, places: Sequence[Place], unit: str, limits: tuple[float, float]) -> None:
    lines = _names(axes, places)
    for line, place in zip(lines, places, strict=True):
        found = interval(place.sample)
        axes.barh([line], [found.mean], height=0.2, color=place.look.light)
        _whisker(axes, found.mean, found.half_width, line, INK)
    axes.set_xlim(1.08 * min(0.0, limits[0]), 1.06 * max(0.0, limits[1]) or 1.0)
    axes.axvline(0.0, color=MUTED, linewidth=1)
    axes.set_xlabel(unit)


def powers(axis: object) -> None:
    """A logarithmic axis with numbers in place of powers: 0.01, 1, 100."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))  # type: ignore[attr-defined]
    axis.set_minor_formatter(NullFormatter())  # type: ignore[attr-defined]


def _whisker(axes: "Axes", mean: float, half_width: float | None, line: float, colour: str) -> None:
    if half_width and math.isfinite(half_width):
        axes.errorbar([mean], [line], xerr=[half_width], color=colour, linewidth=1.6, capsize=4, capthick=1.6)


def _names(axes: "Axes", places: Sequence[Place]) -> list[float]:
    """Each name and its number above its line, where neither cuts into the drawing; returns the heights, in inches."""
    lines, below = [], 0.0
    for place in places:
        for text in _name(place):
            below += 0.19
            _text(axes, 0.0, below - 0.06, text)
        _text(axes, 1.0, below - 0.06, place.text)
        below += 0.27
        lines.append(below - 0.11)
    axes.set_ylim(below + 0.05, -0.02)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    return lines


def _text(axes: "Axes", x: float, y: float, text: str) -> None:
    """Words on a piece of paper, so that no line of the grid goes through them."""
    paper = {"facecolor": PAPER, "edgecolor": "none", "pad": 0.5}
    axes.text(x, y, text, transform=axes.get_yaxis_transform(), va="center", ha="right" if x else "left", fontsize=9.5,
              bbox=paper)  # fmt: skip


def _name(place: Place) -> list[str]:
    """The name in two lines at most, the number having room beside the second."""
    lines = textwrap.wrap(place.name, LETTERS - len(place.text), max_lines=2, placeholder="…")
    return lines or [""]

"""One metric of several configurations, one row each: a dot or a bar, with its 95 % interval."""

import math
import textwrap
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from vaerun.metric.interval import Sample, interval
from vaerun.report.page.plot import Plot
from vaerun.report.page.style import INK, MUTED, PAPER, Style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 10  # rows of a plot; the table has the rest
TICKS = 5  # more would touch each other: a number such as −23.75 is wide
LETTERS = 52  # of a name and its number in one line
FAR = 3  # times the range of the better half: a value further away is an arrow at the edge


class PlotRow(NamedTuple):
    """One row: name, the number as the table shows it, style, and the sample that it is the mean of."""

    name: str
    text: str
    style: Style
    sample: Sample


def dot_plot(rows: Sequence[PlotRow], *, name: str, title: str, unit: str, better: int = -1, log: bool = False) -> Plot:
    """A dot for each row, with the single seeds as small dots; ``better`` is 1 if higher values are, else −1."""
    rows = rows[:MOST]
    limits = None if log else window(rows, better)
    return Plot(name, title, _height(rows), partial(_dots, rows=rows, unit=unit, limits=limits))


def bar_plot(rows: Sequence[PlotRow], *, name: str, title: str, unit: str, limits: tuple[float, float]) -> Plot:
    """A bar from zero for each row; plots that are compared get the same ``limits``."""
    rows = rows[:MOST]
    return Plot(name, title, _height(rows), partial(_bars, rows=rows, unit=unit, limits=limits))


def window(rows: Sequence[PlotRow], better: int) -> tuple[float, float]:
    """The range of the better half with its intervals, and of the values near it.

    A single failed configuration far away would otherwise leave no room to distinguish the others.
    """
    ordered = sorted(rows, key=lambda row: -better * row.sample.mean)
    low, high = _reach(ordered[: len(ordered) // 2 + 1])
    far = FAR * (high - low) or math.inf
    near = [row for row in ordered if low - far <= row.sample.mean <= high + far]
    return _reach(near)


def _reach(rows: Sequence[PlotRow]) -> tuple[float, float]:
    """Minimum and maximum of the samples and their intervals."""
    found = [interval(row.sample) for row in rows]
    values = [value for row in rows for value in row.sample.values]
    return (
        min(*values, *(one.mean - (one.half_width or 0.0) for one in found)),
        max(*values, *(one.mean + (one.half_width or 0.0) for one in found)),
    )


def _height(rows: Sequence[PlotRow]) -> float:
    return 0.75 + sum(0.27 + 0.19 * len(_name(row)) for row in rows)


def _dots(axes: "Axes", *, rows: Sequence[PlotRow], unit: str, limits: tuple[float, float] | None) -> None:
    """Dots within ``limits``, and arrows at the edge for values outside; without limits, a logarithmic axis."""
    lines = _names(axes, rows)
    for line, row in zip(lines, rows, strict=True):
        found, colour = interval(row.sample), row.style.light
        if limits is not None and not limits[0] <= found.mean <= limits[1]:
            edge, arrow = (0.0, "<") if found.mean < limits[0] else (1.0, ">")
            axes.plot([edge], [line], color=colour, marker=arrow, markersize=7, clip_on=False,
                      transform=axes.get_yaxis_transform())  # fmt: skip
            continue
        if len(row.sample.values) > 1:
            axes.plot(row.sample.values, [line] * len(row.sample.values), color=colour, marker="o",
                      markersize=4, alpha=0.45, linestyle="", markeredgewidth=0)  # fmt: skip
        _whisker(axes, found.mean, found.half_width, line, colour)
        axes.plot([found.mean], [line], color=colour, marker=row.style.marker or "o", markersize=8)
    if limits is not None:
        room = 0.06 * (limits[1] - limits[0]) or 0.5
        axes.set_xlim(limits[0] - room, limits[1] + room)
        axes.locator_params(axis="x", nbins=TICKS)
    elif all(value > 0 for row in rows for value in row.sample.values):
        axes.set_xscale("log")
        powers(axes.xaxis)
    axes.set_xlabel(unit)


def _bars(axes: "Axes", *, rows: Sequence[PlotRow], unit: str, limits: tuple[float, float]) -> None:
    lines = _names(axes, rows)
    for line, row in zip(lines, rows, strict=True):
        found = interval(row.sample)
        axes.barh([line], [found.mean], height=0.2, color=row.style.light)
        _whisker(axes, found.mean, found.half_width, line, INK)
    axes.set_xlim(1.08 * min(0.0, limits[0]), 1.06 * max(0.0, limits[1]) or 1.0)
    axes.axvline(0.0, color=MUTED, linewidth=1)
    axes.set_xlabel(unit)


def powers(axis: object) -> None:
    """Writes the ticks of a logarithmic axis as 0.01, 1, 100."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))  # type: ignore[attr-defined]
    axis.set_minor_formatter(NullFormatter())  # type: ignore[attr-defined]


def _whisker(axes: "Axes", mean: float, half_width: float | None, line: float, colour: str) -> None:
    if half_width and math.isfinite(half_width):
        axes.errorbar([mean], [line], xerr=[half_width], color=colour, linewidth=1.6, capsize=4, capthick=1.6)


def _names(axes: "Axes", rows: Sequence[PlotRow]) -> list[float]:
    """Writes each name and number above its row; returns the heights of the rows, in inches from the top."""
    lines, below = [], 0.0
    for row in rows:
        for text in _name(row):
            below += 0.19
            _text(axes, 0.0, below - 0.06, text)
        _text(axes, 1.0, below - 0.06, row.text)
        below += 0.27
        lines.append(below - 0.11)
    axes.set_ylim(below + 0.05, -0.02)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    return lines


def _text(axes: "Axes", x: float, y: float, text: str) -> None:
    """Text on a white background, so that no grid line crosses it."""
    paper = {"facecolor": PAPER, "edgecolor": "none", "pad": 0.5}
    axes.text(x, y, text, transform=axes.get_yaxis_transform(), va="center", ha="right" if x else "left", fontsize=9.5,
              bbox=paper)  # fmt: skip


def _name(row: PlotRow) -> list[str]:
    """The name in at most two lines, with room for the number beside them."""
    lines = textwrap.wrap(row.name, LETTERS - len(row.text), max_lines=2, placeholder="…")
    return lines or [""]

"""Curves against a cost: one line per configuration, with a 95 % band if it has several seeds."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from vaerun.report.matched import COSTS, At
from vaerun.report.page.dot_plot import powers
from vaerun.report.page.plot import Plot
from vaerun.report.page.series import Series, below, limits
from vaerun.report.page.style import INK, MUTED, STYLES

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEIGHT = 3.4
SPREAD = 5  # the axis is logarithmic if the configurations' total costs differ by more than this factor
WORDS = {"steps": "steps", "seconds": "training seconds", "decoder_evaluations": "decoder evaluations"}


def bound_plots(series: Sequence[Series], *, name: str, title: str, at: At | None) -> list[Plot]:
    """The bound against each of the three costs."""
    return [
        Plot(
            f"{name}_{cost}",
            f"{title} against {WORDS[cost]}",
            HEIGHT,
            partial(_bound, series=series, cost=cost, title=title, at=at),
            partial(legend, series=series),
            _entries(series),
        )
        for cost in COSTS
    ]


def variance_plot(series: Sequence[Series], *, name: str, title: str, limits: tuple[float, float] | None) -> Plot:
    """The gradient's variance against steps, on a logarithmic axis; plots that are compared get the same ``limits``."""
    draw = partial(_variance, series=series, limits=limits)
    return Plot(name, title, HEIGHT, draw, partial(legend, series=series), _entries(series))


def extent(series: Sequence[Series]) -> tuple[float, float] | None:
    """The smallest and the largest positive mean, for a logarithmic axis."""
    means = [one.bands["steps"].mean for one in series if "steps" in one.bands]
    positive = [float(value) for mean in means for value in mean if value > 0]
    return (min(positive), max(positive)) if positive else None


def legend(figure: "Figure", *, series: Sequence[Series]) -> None:
    """A legend below the plot."""
    from matplotlib.lines import Line2D

    named = [one for one in series if one.style.marker]
    handles = [
        Line2D([], [], color=one.style.light, linestyle=one.style.dashes, marker=one.style.marker, label=one.name)
        for one in named
    ]
    others = len(series) - len(named)
    if others:
        handles.append(Line2D([], [], color=series[-1].style.light, label=f"{others} more"))
    figure.legend(handles=handles, loc="outside lower left", ncols=_columns(series))


def _columns(series: Sequence[Series]) -> int:
    return 1 if max((len(one.name) for one in series if one.style.marker), default=0) > 24 else 2


def _entries(series: Sequence[Series]) -> int:
    """The number of lines of the legend."""
    return -(-min(len(series), len(STYLES) + 1) // _columns(series))


def _bound(axes: "Axes", *, series: Sequence[Series], cost: str, title: str, at: At | None) -> None:
    shown = limits(series)
    if shown is not None:
        room = 0.06 * (shown[1] - shown[0]) or 0.5
        axes.set_ylim(shown[0] - room, shown[1] + room)
    off = below(series)
    seen = [one for one in series if one not in off]
    _lines(axes, seen, cost)
    ends = [end for one in seen if (end := one.end(cost)) is not None and end > 0]
    if ends and max(ends) > SPREAD * min(ends):
        axes.set_xscale("log")
    if at is not None and at.cost == cost:
        axes.axvline(at.amount, color=INK, linewidth=1, linestyle=":")
    axes.set_ylabel(f"{title} (nat)")
    axes.set_xlabel(WORDS[cost])
    _thousands(axes, log=axes.get_xscale() == "log")


def _variance(axes: "Axes", *, series: Sequence[Series], limits: tuple[float, float] | None) -> None:
    _lines(axes, series, "steps")
    if limits is not None:
        axes.set_yscale("log")
        axes.set_ylim(limits[0] / 2, limits[1] * 2)
        powers(axes.yaxis)
    axes.set_xlabel(WORDS["steps"])
    axes.set_ylabel("variance")
    _thousands(axes, log=False)


def _lines(axes: "Axes", series: Sequence[Series], cost: str) -> None:
    """Draws the best configuration last, so that it is on top."""
    for one in reversed(series):
        for curve in one.incomplete:
            _incomplete(axes, one, curve.costs[cost], curve.values)
        found = one.bands.get(cost)
        if found is None:
            continue
        named = bool(one.style.marker)
        if found.seeds > 1 and named:
            low, high = found.mean - found.half_width, found.mean + found.half_width
            axes.fill_between(found.cost, low, high, color=one.style.light, alpha=0.18, linewidth=0)
        axes.plot(found.cost, found.mean, color=one.style.light, linestyle=one.style.dashes,
                  linewidth=1.8 if named else 0.8, marker=one.style.marker or None,
                  markevery=[len(found.cost) - 1], markersize=6)  # fmt: skip


def _incomplete(axes: "Axes", one: Series, x: "np.ndarray", y: "np.ndarray") -> None:
    """A run that did not complete: a dotted line, with a cross at its last value, or at the edge if that is outside."""
    axes.plot(x, y, color=one.style.light, linewidth=0.9, linestyle=":")
    low, high = axes.get_ylim()
    last = min(max(y[-1], low), high) if not axes.get_autoscaley_on() else y[-1]
    axes.plot(x[-1:], [last], color=one.style.light, marker="x", markersize=7, linestyle="", clip_on=False)


def _thousands(axes: "Axes", *, log: bool) -> None:
    """Short numbers along the cost axis, such as 20k; a logarithmic axis over few decades also has ticks at 2 and 5."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
    if log:
        low, high = axes.get_xlim()
        few = high / max(low, 1e-300) < 300
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if few else (1.0,)))
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.tick_params(length=3, color=MUTED)


def short(value: float) -> str:
    """``20k`` for 20,000."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.4g}{letter}"
    return f"{value:.4g}"

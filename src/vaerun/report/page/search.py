"""The section of the HTML report about a search: its history, the importance of keys, and the Pareto front."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING

from vaerun.metric.interval import Sample
from vaerun.report.page.dot_plot import PlotRow, bar_plot, window
from vaerun.report.page.plot import Plot
from vaerun.report.page.section import Section
from vaerun.report.page.style import MUTED, STYLES
from vaerun.report.searched import Searched, Trial

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEIGHT = 3.0
ENOUGH = 20  # completed trials from which on importances are shown: of fewer, they are mostly noise
TRIAL, BEST = STYLES[0], STYLES[1]


def search_sections(found: Sequence[Searched]) -> Iterator[Section]:
    """One section for each search with completed trials."""
    for number, one in enumerate(found, start=1):
        completed = one.completed()
        if not completed:
            continue
        name = "search" if len(found) == 1 else f"search_{number}"
        title = "What did the search find?" if len(found) == 1 else f"What did the search in {one.directory} find?"
        yield Section(name, title, _caption(one), [*_history(one, name), *_front(one, name), *_importance(one, name)])


def _caption(one: Searched) -> str:
    said = [
        f"{len(one.completed())} completed trials. History: each dot is a trial, and the line is the best value so "
        "far. The best of many noisy values is optimistic."
    ]
    if any(trial.state == "pruned" for trial in one.trials):
        said.append("A cross is a pruned trial, at the last value that its training recorded.")
    if len(one.objectives) == 2:
        said.append("The trials on the line are the Pareto front: no other trial is better in both objectives.")
    if _importances(one):
        said.append(
            "Importance (PED-ANOVA): how much the distribution of a key's values among the best trials differs from "
            "that among all trials, as a share of the sum over keys. It does not say in which direction."
        )
    return " ".join(said)


def _history(one: Searched, name: str) -> Iterator[Plot]:
    for place, (tag, better) in enumerate(zip(one.objectives, one.better, strict=True)):
        draw = partial(_draw_history, trials=one.trials, place=place, tag=tag, better=better)
        yield Plot(f"{name}_history_{place}", f"{tag} of each trial", HEIGHT, draw)


def _draw_history(axes: "Axes", *, trials: Sequence[Trial], place: int, tag: str, better: int) -> None:
    completed = sorted((t for t in trials if t.state == "completed"), key=lambda trial: trial.number)
    numbers = [trial.number for trial in completed]
    values = [trial.values[place] for trial in completed]
    best = list(accumulate(values, max if better > 0 else min))
    last = max(trial.number for trial in trials)
    axes.step([*numbers, last], [*best, best[-1]], where="post", color=BEST.light, linewidth=1.8)
    axes.plot(numbers, values, color=TRIAL.light, marker="o", markersize=5, linestyle="", alpha=0.8)
    rows = [PlotRow("", "", TRIAL, Sample((value,))) for value in values]
    low, high = window(rows, better)
    room = 0.06 * (high - low) or 0.5
    axes.set_ylim(low - room, high + room)
    pruned = [trial for trial in trials if trial.state == "pruned" and low - room <= trial.values[place] <= high + room]
    axes.plot([t.number for t in pruned], [t.values[place] for t in pruned], color=MUTED, marker="x", linestyle="")
    _whole_numbers(axes)
    axes.set_xlabel("trial")
    axes.set_ylabel(f"{tag}, {'higher' if better > 0 else 'lower'} is better")


def _front(one: Searched, name: str) -> Iterator[Plot]:
    if len(one.objectives) == 2:
        draw = partial(_draw_front, one=one)
        yield Plot(f"{name}_pareto", f"{one.objectives[0]} against {one.objectives[1]}", HEIGHT, draw)


def _draw_front(axes: "Axes", *, one: Searched) -> None:
    completed = one.completed()
    axes.plot(*_points(completed), color=TRIAL.light, marker="o", markersize=5, linestyle="", alpha=0.6)
    best = sorted((t for t in completed if t.number in one.pareto), key=lambda trial: trial.values[1])
    axes.plot(*_points(best), color=BEST.light, marker="s", markersize=6, linewidth=1.4)
    for axis, tag, better in zip(("y", "x"), one.objectives, one.better, strict=True):
        getattr(axes, f"set_{axis}label")(f"{tag}, {'higher' if better > 0 else 'lower'} is better")


def _points(trials: Sequence[Trial]) -> tuple[list[float], list[float]]:
    return [trial.values[1] for trial in trials], [trial.values[0] for trial in trials]


def _importance(one: Searched, name: str) -> Iterator[Plot]:
    for place, (tag, found) in enumerate(zip(one.objectives, _importances(one), strict=False)):
        ordered = sorted(found.items(), key=lambda item: -item[1])
        rows = [PlotRow(key, f"{value:.2f}", TRIAL, Sample((value,))) for key, value in ordered]
        if rows:
            yield bar_plot(rows, name=f"{name}_importance_{place}", title=f"importance of each key for {tag}",
                           unit="share", limits=(0.0, 1.0))  # fmt: skip


def _importances(one: Searched) -> Sequence[Mapping[str, float]]:
    return one.importances if len(one.completed()) >= ENOUGH and any(one.importances) else ()


def _whole_numbers(axes: "Axes") -> None:
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))

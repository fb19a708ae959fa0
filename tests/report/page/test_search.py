"""The section of a search: which trials are where, and what is not shown."""

import json
from pathlib import Path

import pytest

from vaerun.report.page.plot import Plot, render_plot
from vaerun.report.page.search import ENOUGH, search_sections
from vaerun.report.searched import Searched, Trial, notes, read


def search(*trials: Trial, objectives: int = 1, pareto: tuple[int, ...] = (0,)) -> Searched:
    """A search for elbo/valid, and for seconds if there are two objectives."""
    tags, better = ("elbo/valid", "seconds")[:objectives], (1, -1)[:objectives]
    importances = ({"strategy": 0.9, "seed": 0.1},) * objectives
    return Searched(Path("s"), tags, better, trials, pareto, importances)


def plots(found: Searched) -> dict[str, Plot]:
    """The plots of its section by name."""
    return {plot.name: plot for section in search_sections([found]) for plot in section.plots}


def lines(plot: Plot) -> list[tuple[list[float], list[float]]]:
    """The coordinates of every line that the plot draws."""
    from matplotlib.figure import Figure

    axes = Figure().add_subplot()
    plot.draw(axes)
    return [([*map(float, line.get_xdata())], [*map(float, line.get_ydata())]) for line in axes.get_lines()]


def test_the_history_has_every_trial_and_the_best_value_so_far() -> None:
    trials = [Trial(0, "completed", (-3.0,)), Trial(2, "completed", (-4.0,)), Trial(1, "completed", (-2.0,))]
    best, values, pruned = lines(plots(search(*trials, Trial(3, "pruned", (-2.5,))))["search_history_0"])
    assert best == ([0, 1, 2, 3], [-3, -2, -2, -2])
    assert values == ([0, 1, 2], [-3, -2, -4])
    assert pruned == ([3], [-2.5])


def test_a_lower_cost_is_better_and_the_front_is_a_line_in_the_order_of_the_cost() -> None:
    trials = [
        Trial(0, "completed", (-3.0, 1.0)),
        Trial(1, "completed", (-2.0, 5.0)),
        Trial(2, "completed", (-4.0, 3.0)),
    ]
    drawn = plots(search(*trials, objectives=2, pareto=(1, 0)))
    assert lines(drawn["search_history_1"])[0] == ([0, 1, 2, 2], [1, 1, 1, 1])
    every, front = lines(drawn["search_pareto"])
    assert every == ([1, 5, 3], [-3, -2, -4])
    assert front == ([1, 5], [-3, -2])


def test_importances_of_few_trials_are_noise_and_not_shown() -> None:
    few = [Trial(number, "completed", (float(number),)) for number in range(ENOUGH)]
    assert "search_importance_0" in plots(search(*few))
    assert "search_importance_0" not in plots(search(*few[:-1]))
    assert render_plot(plots(search(*few))["search_importance_0"]).png.startswith(b"\x89PNG")


def test_a_search_without_a_completed_trial_has_no_section() -> None:
    assert not plots(search(Trial(0, "pruned", (-3.0,))))


GOOD = {
    "objectives": [{"tag": "elbo/valid", "better": "higher"}],
    "trials": [
        {"number": 0, "state": "completed", "values": [-3], "last": None},
        {"number": 1, "state": "pruned", "values": [], "last": -4.5},
        {"number": 2, "state": "failed", "values": [], "last": None},
        {"number": 3, "state": "completed", "values": [float("inf")], "last": None},
    ],
    "pareto": [0],
    "importances": [{"strategy": 1.0}],
}


def test_trials_with_values_are_read(tmp_path: Path) -> None:
    (tmp_path / "search.json").write_text(json.dumps(GOOD))
    found = read(tmp_path)
    assert found is not None
    assert [(trial.number, trial.values) for trial in found.trials] == [(0, (-3.0,)), (1, (-4.5,))]
    assert found.better == (1,)
    (note,) = notes([found])
    assert "optimistic" in note


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"objectives": 3}', json.dumps({**GOOD, "trials": [3]}), "[" * 100_000]
)
def test_a_damaged_file_is_no_search(tmp_path: Path, text: str) -> None:
    (tmp_path / "search.json").write_text(text)
    assert read(tmp_path) is None
    assert read(tmp_path / "none") is None

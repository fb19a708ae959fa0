"""docs/strategies.svg: the test ELBO of every strategy at each number of decoder evaluations."""

import hashlib
from pathlib import Path
from typing import Any

from reproduction.strategies.grid import DATA, FAMILIES, STRATEGIES
from reproduction.strategies.results import Mean, Results
from reproduction.strategies.verdict import BLOCKS, Block, key

LINES = {
    "amortized": ("#1f4e9c", "o", "-"),
    "joint": ("#e07b00", "s", "-"),
    "coordinate": ("#2a8f3c", "^", "-"),
    "alternating": ("#6fa8dc", "o", "--"),
    "aggressive": ("#9a9a9a", "v", "--"),
    "semi_amortized": ("#b3339c", "D", "-"),
    "iterative_amortized": ("#7a4b2a", "P", "--"),
}
"""Colour, mark and line of each strategy."""


def drawn_from(results: Results) -> str:
    """A hash of the means in the picture, which is stored in its file."""
    return hashlib.sha256(repr(points(results)).encode()).hexdigest()[:16]


def points(results: Results) -> dict[tuple[Block, str], list[tuple[int, Mean]]]:
    """By block and strategy: decoder evaluations and mean test ELBO at each budget, rounded."""
    found: dict[tuple[Block, str], list[tuple[int, Mean]]] = {}
    for place, budget in enumerate(results.budgets):
        view = results.at_budget(place)
        for block in BLOCKS:
            for name in STRATEGIES:
                if (one := view.mean(key(block, name), "at", "evaluations", "elbo")) is not None:
                    error = None if one.error is None else round(one.error, 3)
                    point = (budget.evaluations, Mean(round(one.value, 3), error, one.seeds))
                    found.setdefault((block, name), []).append(point)
    return found


def draw(results: Results, path: Path) -> None:
    """Writes the picture (needs matplotlib: pip install 'vaerun[report]')."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    matplotlib.rcParams.update({"svg.hashsalt": "vaerun", "svg.fonttype": "none", "font.size": 9})
    all_points = points(results)
    figure, axes = plt.subplots(len(DATA), len(FAMILIES), figsize=(10, 11), sharex=True, sharey="row")
    for row, data in enumerate(DATA):
        for column, family in enumerate(FAMILIES):
            axis, block = axes[row][column], (data, family)
            panel(axis, {name: all_points.get((block, name), []) for name in STRATEGIES})
            axis.set_title(f"{DATA[data].title}, {family}", fontsize=9)
        axes[row][0].set_ylabel("test ELBO, nats")
    ticks = [budget.evaluations for budget in results.budgets]
    for axis in axes[-1]:
        axis.set_xlabel("decoder evaluations in training")
        axis.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
        axis.minorticks_off()
    handles, names = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, names, loc="upper center", ncols=len(names), frameon=False)
    figure.tight_layout(rect=(0, 0, 1, 0.97))
    figure.savefig(path, metadata={"Date": None, "Description": drawn_from(results)})
    plt.close(figure)


def panel(axis: Any, lines: dict[str, list[tuple[int, Mean]]]) -> None:
    """One block: a line for each strategy, with ± one standard error over seeds."""
    axis.grid(axis="y", color="#dddddd")
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
    axis.set_xscale("log")
    for name, found in lines.items():
        colour, mark, line = LINES[name]
        axis.errorbar(
            [evaluations for evaluations, _ in found],
            [mean.value for _, mean in found],
            yerr=[mean.error or 0.0 for _, mean in found],
            label=name.replace("_", " "),
            color=colour,
            marker=mark,
            linestyle=line,
            markersize=4,
            linewidth=1.2,
        )

"""docs/strategies.svg: the test ELBO of every strategy, as its distance from the best mean of its block."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reproduction.strategies.grid import DATA, FAMILIES, STRATEGIES
from reproduction.strategies.results import Mean, Results
from reproduction.strategies.verdict import key

COLOURS = {"evaluations": "#3f51b5", "seconds": "#e07b00"}
SHIFT = {"evaluations": 0.15, "seconds": -0.15}


def drawn_from(results: Results) -> str:
    """A hash of the means in the picture, which is stored in its file."""
    return hashlib.sha256(repr(points(results)).encode()).hexdigest()[:16]


def points(results: Results) -> list[tuple[str, str, str, str, Mean]]:
    """Data, family, budget, strategy and mean, rounded."""
    found = []
    for data in DATA:
        for family in FAMILIES:
            for budget in COLOURS:
                for name in STRATEGIES:
                    one = results.mean(key((data, family), name), "at", budget, "elbo")
                    if one is not None:
                        error = None if one.error is None else round(one.error, 3)
                        found.append((data, family, budget, name, Mean(round(one.value, 3), error, one.seeds)))
    return found


def draw(results: Results, path: Path) -> None:
    """Writes the picture (needs matplotlib: pip install 'vaerun[report]')."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    matplotlib.rcParams.update({"svg.hashsalt": "vaerun", "svg.fonttype": "none", "font.size": 9})
    all_points = points(results)
    figure, axes = plt.subplots(len(DATA), len(FAMILIES), figsize=(10, 11), sharey=True, sharex="row")
    for row, data in enumerate(DATA):
        for column, family in enumerate(FAMILIES):
            panel(axes[row][column], [one for one in all_points if one[:2] == (data, family)])
            axes[row][column].set_title(f"{DATA[data].title}, {family}", fontsize=9)
    axes[0][0].set_yticks(range(len(STRATEGIES)), [name.replace("_", " ") for name in STRATEGIES])
    axes[0][0].invert_yaxis()
    for axis in axes[-1]:
        axis.set_xlabel("test ELBO, distance from the best, nats")
    names = {
        "evaluations": f"at {results.limits.evaluations:,} decoder evaluations",
        "seconds": f"after {results.limits.seconds:g} s of the processor",
    }
    handles = [
        plt.Line2D([], [], marker="o", linestyle="", color=colour, label=names[budget])
        for budget, colour in COLOURS.items()
    ]
    figure.legend(handles=handles, loc="upper center", ncols=2, frameon=False)
    figure.tight_layout(rect=(0, 0, 1, 0.97))
    figure.savefig(path, metadata={"Date": None, "Description": drawn_from(results)})
    plt.close(figure)


def panel(axis: Any, found: Sequence[tuple[str, str, str, str, Mean]]) -> None:
    """One block: a dot for each strategy and kind of cost, with ± one standard error over seeds."""
    axis.grid(axis="x", color="#dddddd")
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
    for budget, colour in COLOURS.items():
        some = [one for one in found if one[2] == budget]
        best = max((one[4].value for one in some), default=0.0)
        for *_, name, mean in some:
            axis.errorbar(
                mean.value - best,
                STRATEGIES.index(name) - SHIFT[budget],
                xerr=mean.error or 0.0,
                marker="o",
                markersize=4,
                color=colour,
            )

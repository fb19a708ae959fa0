"""E_q[z] of validation points in the colours of their labels, from the projector files of the runs."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vaerun.image.embedding_files import FOLDER, LABEL, METADATA, TENSORS, UNKNOWN
from vaerun.image.scatter import colour, entries, principal_plane
from vaerun.report.page.plot import Plot
from vaerun.report.row import Row
from vaerun.system.files import UnsafeFileError, read

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PLOTS = 4  # configurations
POINTS = 500  # of a plot
LARGEST = 2**26  # bytes of a file
COLUMNS = 5  # of the legend


class Labelled(NamedTuple):
    """Points of one run: z, Float[N, D], and the name of the class of each."""

    z: np.ndarray
    names: Sequence[str]


def latent_plots(rows: Sequence[Row]) -> list[Plot]:
    """A plot for each of the best configurations, from its first run that recorded labels."""
    made: list[Plot] = []
    for row in rows:
        found = next((one for entry in row.entries if entry.used and (one := labelled(entry.run.directory))), None)
        if found is not None:
            made.append(latent_plot(found, name=f"latents_{len(made) + 1}", title=row.name))
        if len(made) == PLOTS:
            break
    return made


def labelled(directory: Path) -> Labelled | None:
    """The points and labels in the projector files of a run; None if there are none, or they are damaged."""
    try:
        tables = [read(directory / FOLDER / file, most=LARGEST).decode() for file in (TENSORS, METADATA)]
        z = np.array([line.split("\t") for line in tables[0].splitlines()], np.float64)
        header, *lines = [line.split("\t") for line in tables[1].splitlines()]
        place = header.index(LABEL)
        names = [line[place] for line in lines]
    except (OSError, UnsafeFileError, ValueError, IndexError):
        return None
    sound = z.ndim == 2 and len(z) == len(names) > 1 and bool(np.isfinite(z).all())
    return Labelled(z, names) if sound else None


def latent_plot(points: Labelled, *, name: str, title: str) -> Plot:
    """The first two principal components of z, at most 500 points, with a legend of the labels."""
    plane, share = principal_plane(points.z)
    classes = sorted(set(points.names) - {UNKNOWN}, key=numeric_first)
    places = np.array([classes.index(label) if label != UNKNOWN else -1 for label in points.names])
    some = np.linspace(0, len(plane) - 1, min(POINTS, len(plane))).round().astype(int)
    draw = partial(_dots, plane=plane[some], places=places[some], names=classes, share=share)
    lines = -(-len(entries(places, classes)) // COLUMNS)
    return Plot(name, title, 4.0 + 0.22 * lines, draw)


def numeric_first(label: str) -> tuple[bool, float, str]:
    """Labels that are numbers come in their order, then the others in alphabetical order."""
    number = label.isdecimal()
    return not number, float(label) if number else 0.0, label


def _dots(axes: "Axes", *, plane: np.ndarray, places: np.ndarray, names: Sequence[str], share: np.ndarray) -> None:
    axes.scatter(plane[:, 0], plane[:, 1], s=9, c=[colour(place) for place in places.tolist()], linewidths=0)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xlabel(f"component 1 ({share[0]:.0%} of the variance)")
    axes.set_ylabel(f"component 2 ({share[1]:.0%})")
    dots = [axes.plot([], [], marker="o", linestyle="", color=ink, label=text)[0]
            for text, ink in entries(places, names)]  # fmt: skip
    axes.legend(handles=dots, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=COLUMNS, handletextpad=0.1,
                columnspacing=1.0)  # fmt: skip

"""E_q[z] ↦ image: points on the plane of their two first principal components, coloured by class. It needs no torch."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

SIDE, MARGIN, RADIUS = 560, 16, 3  # pixels
LINE, LEGEND = 18, 150  # height of a line and width of the legend, in pixels
MOST = 20  # classes in a legend
LETTERS = 18  # of a name in a legend
COLOURS = (
    "#0072b2",
    "#d55e00",
    "#008a63",
    "#b0528f",
    "#c99400",
    "#3d9bd3",
    "#7a4a2c",
    "#7b6fd0",
    "#8aa02c",
    "#d6456b",
)
"""One for each class, and again from the first after ten classes; readable on white and on black."""
OTHER = "#9aa4b0"  # points without a label


def principal_plane(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """((z − z̄) v_1, (z − z̄) v_2) and their fractions of the variance: [N, D] ↦ [N, 2] and [2].

    v_1 and v_2 are the first two eigenvectors of the covariance of z; the largest coordinate of each is positive. If
    D = 1, the second coordinate is 0.

    Reference: Jolliffe 2002, Principal component analysis, §1.1.
    """
    centred = np.asarray(z, np.float64) - np.mean(z, 0, dtype=np.float64)
    if centred.shape[1] == 1:
        centred = np.pad(centred, ((0, 0), (0, 1)))
    values, vectors = np.linalg.eigh(centred.T @ centred)
    plane = vectors[:, [-1, -2]]
    plane = plane * np.sign(plane[np.abs(plane).argmax(0), [0, 1]])
    share = values[[-1, -2]] / max(float(values.sum()), np.finfo(float).tiny)
    return centred @ plane, share


def colour(place: int) -> str:
    """The colour of class ``place``; -1 is no class."""
    return COLOURS[place % len(COLOURS)] if place >= 0 else OTHER


def scatter(points: np.ndarray, classes: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """The points as dots in the colours of their classes, with a legend at the right, uint8 [H, W, 3].

    Args:
        points: [N, 2]; the second coordinate increases upwards.
        classes: places in ``names``, [N]; -1 where the class is not known.
        names: of the classes.
    """
    canvas = Image.new("RGB", (SIDE + LEGEND, SIDE), "white")
    draw = ImageDraw.Draw(canvas)
    low, span = points.min(0), float(np.ptp(points, 0).max()) or 1.0
    offset = (span - np.ptp(points, 0)) / 2
    places = MARGIN + (points - low + offset) / span * (SIDE - 2 * MARGIN)
    for (x, y), place in zip(places.tolist(), classes.tolist(), strict=True):
        top = SIDE - y
        draw.ellipse((x - RADIUS, top - RADIUS, x + RADIUS, top + RADIUS), fill=colour(place))
    for line, (text, ink) in enumerate(entries(classes, names)):
        y = MARGIN + line * LINE
        draw.ellipse((SIDE + 4, y + 3, SIDE + 12, y + 11), fill=ink)
        draw.text((SIDE + 18, y), text, fill="black")
    return np.asarray(canvas)


def entries(classes: np.ndarray, names: Sequence[str]) -> list[tuple[str, str]]:
    """Name and colour of the classes that occur, at most 20, and how many more there are."""
    found = sorted(set(classes.tolist()))
    known = [place for place in found if place >= 0]
    lines = [(shortened(names[place]), colour(place)) for place in known[:MOST]]
    if len(known) > MOST:
        lines.append((f"and {len(known) - MOST} more", OTHER))
    return [*lines, ("unknown", OTHER)] if found[:1] == [-1] else lines


def shortened(name: str) -> str:
    """The name in at most 18 letters."""
    return name if len(name) <= LETTERS else f"{name[: LETTERS - 1]}…"

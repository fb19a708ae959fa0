"""E_q[z] of validation points, for the projector of TensorBoard."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from vaerun.bound.monte_carlo import ELBO, KL, LOG_LIKELIHOOD, bounds
from vaerun.data.base import Dataset
from vaerun.data.loader import sweep
from vaerun.image.embedding_files import LABEL, UNKNOWN
from vaerun.image.style import ImageStyle, numbers
from vaerun.posterior.active_units import means
from vaerun.strategy.base import Strategy

POINTS = 1000
SIDE = 2048  # largest side of a sprite in pixels, which every graphics card supports
DRAWS = 16  # of z for the ELBO of a point
BATCH = 512  # points inferred at once


class Embedding(NamedTuple):
    """N points E_q[z], and their labels."""

    name: str
    points: np.ndarray  # [N, D]
    columns: Mapping[str, np.ndarray]  # by name, each [N]: labels for text, colour and search
    sprite: np.ndarray | None = None  # uint8: the images of the points row by row, columns ≥ rows
    tile: tuple[int, int] = (0, 0)  # height and width of a tile


@torch.no_grad()
def embed(strategy: Strategy, data: Dataset, style: ImageStyle) -> Embedding:
    """E_q[z] of at most 1,000 evenly spaced validation points, each with its label, index and ELBO.

    If E_q[z] has no closed form, it is a mean of samples. φ is
    ``strategy.current``. Draws from torch's global generator.
    """
    first = data.valid.values(slice(1))
    # The image of one tile has a line on all four sides; in a sprite, each tile has two of them.
    height, width = (side - 1 for side in style.grid(first, 1).shape[:2]) if style.drawable() else (1, 1)
    count = min(POINTS, len(data.valid), (SIDE // height) * (SIDE // width))
    shown = (strategy.bound.metric(ELBO), LOG_LIKELIHOOD, KL)
    found = []
    for index, x in sweep(data.valid, BATCH, count):
        phi = strategy.current(x, index)
        z = torch.stack(means(strategy.bound.family(phi))).mean(0)
        values = bounds(strategy.bound, x, phi, DRAWS)
        found.append((x, z, index, *(values[metric] for metric in shown)))
    x, z, *columns = (torch.cat(parts) for parts in zip(*found, strict=True))
    names = ("validation point", *(metric.name for metric in shown))
    sprite = None
    if style.drawable():
        sprite = style.grid(strategy.bound.model.values(x), columns=math.isqrt(count - 1) + 1)[:-1, :-1]
    return Embedding(
        "E_q[z] of validation points",
        numbers(z),
        {**label_column(data, columns[0]), **{n: numbers(column) for n, column in zip(names, columns, strict=True)}},
        sprite,
        (height, width),
    )


def label_column(data: Dataset, index: Tensor) -> Mapping[str, np.ndarray]:
    """The names of the classes of these validation points as the column ``label``; empty without labels."""
    if data.valid.labels is None:
        return {}
    places = numbers(data.valid.labels[index])
    return {LABEL: np.array([data.labels[place] if place >= 0 else UNKNOWN for place in places.tolist()], str)}

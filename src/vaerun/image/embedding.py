"""E_q[z] of validation points: where a model has put its data, for TensorBoard's projector."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch

from vaerun.bound.monte_carlo import bounds
from vaerun.data.base import Dataset
from vaerun.data.loader import sweep
from vaerun.image.style import ImageStyle, numbers
from vaerun.posterior.active_units import means
from vaerun.strategy.base import Strategy

POINTS = 1000
SIDE = 2048  # pixels of a sprite: what every graphics card takes
DRAWS = 16  # of z for the ELBO of a point
BATCH = 512  # points inferred at once


class Embedding(NamedTuple):
    """N points, and what is known of each."""

    name: str
    points: np.ndarray  # [N, D]
    columns: Mapping[str, np.ndarray]  # by name, each [N]: what a point can be labelled, coloured and searched by
    sprite: np.ndarray | None = None  # uint8: the points' tiles row by row, columns ≥ rows
    tile: tuple[int, int] = (0, 0)  # height and width of a tile


@torch.no_grad()
def embed(strategy: Strategy, data: Dataset, style: ImageStyle) -> Embedding:
    """At most 1,000 validation points, evenly spread, at E_q[z]; each with its place in the split and its ELBO.

    Where E_q[z] has no closed form it is a mean of draws. φ of a per-point strategy continues from the rows that
    validation has stored. Draws from torch's global generator.
    """
    first = data.valid.visit(data.valid.x[:1])
    # A picture of one tile has a line on each of its four sides; in a sprite, each tile has two of them.
    height, width = (side - 1 for side in style.grid(first, 1).shape[:2]) if style.drawable() else (1, 1)
    count = min(POINTS, len(data.valid), (SIDE // height) * (SIDE // width))
    found = []
    for index, x in sweep(data.valid, BATCH, count):
        phi = strategy.infer(x, index, "valid").phi
        z = torch.stack(means(strategy.bound.family(phi))).mean(0)
        figures = bounds(strategy.bound, x, phi, DRAWS)
        found.append((x, z, index, figures["elbo"], figures["log_likelihood"], figures["kl"]))
    x, z, *columns = (torch.cat(parts) for parts in zip(*found, strict=True))
    prefix = "" if strategy.bound.model.is_density else "pseudo_"
    names = ("validation point", f"{prefix}elbo", "log_likelihood", "kl")
    sprite = None
    if style.drawable():
        sprite = style.grid(x, columns=math.isqrt(count - 1) + 1)[:-1, :-1]
    return Embedding(
        "E_q[z] of validation points",
        numbers(z),
        {name: numbers(values) for name, values in zip(names, columns, strict=True)},
        sprite,
        (height, width),
    )

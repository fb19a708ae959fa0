"""Uniform noise that turns discrete x into continuous x, as wide as the grid on which x lies."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from vaerun.data.split import Dequantised, Scaled, Split
from vaerun.data.stream import stream

MOST_DECIMALS = 9
SEEN = 4 * float(np.finfo(np.float32).eps)
"""The smallest width of noise that float32 shows, as a fraction of the largest value."""

ON_GRID = 1e-3
"""The largest distance from a grid, in widths, at which values lie on it."""


def dequantised(rows: Sequence[Tensor], widths: Sequence[float], seed: int) -> list[Split]:
    """Train, valid and test of x + w u, u ~ U[0, 1)^X: drawn at each visit of train, and once for valid and test.

    The held-out points are drawn once so that evaluations of different epochs and runs are comparable.

    Args:
        rows: x of train, valid and test, each Float[Tensor, "N X"].
        widths: w of each coordinate; 0 adds nothing.
        seed: of the noise of valid and test.

    Reference: Theis, van den Oord, Bethge 2016, A note on the evaluation of generative models, §3.1.
    """
    held_out = [still(part, widths, seed=seed, place=place) for place, part in enumerate(rows[1:], start=1)]
    return [Split(rows[0], Dequantised(tuple(widths))), *held_out]


def still(rows: Tensor, widths: Sequence[float], *, seed: int, place: int) -> Split:
    """x + w u with u ~ U[0, 1)^X that is drawn once.

    Args:
        rows: x, Float[Tensor, "N X"].
        widths: w of each coordinate.
        seed: of the noise.
        place: of the split among the splits, which chooses its stream of random numbers.
    """
    u = torch.rand(rows.shape, generator=stream("data.dequantise_seed", seed, place))
    return Split(rows.float() + u * torch.tensor(widths), Scaled())


def grid_width(values: np.ndarray) -> float:
    """The distance of the grid on which all values lie, such as 0.1 for one decimal; 0 if there is none.

    It is the smallest difference of two values if that is one, and otherwise the last decimal. Noise that float32 would
    round away is none.

    Args:
        values: of one coordinate, nan where one is missing.
    """
    different = np.unique(values[~np.isnan(values)])
    if len(different) < 2:
        return 0.0
    least = float(np.diff(different).min())
    # The smallest difference of two floating-point numbers is a little off the decimal that was meant.
    near = (float(f"{least:.{digits}g}") for digits in range(1, 8))
    for width in (*near, *(10.0**-decimals for decimals in range(MOST_DECIMALS + 1))):
        places = (different - different[0]) / width
        if width <= 1.001 * least and bool((np.abs(places - np.round(places)) < ON_GRID).all()):
            return width if width > SEEN * float(np.abs(different).max()) else 0.0
    return 0.0

"""∫ p(z) dz of a density that can have a kink or heavy tails, and the error that is left to it."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from vaerun.exact.expectation import Space, wide_space

NORMALISED = 1e-5
GRIDS = ((3.2, (305, 153, 77)), (14.0, (1329, 665, 333)))
"""Reach of the grids of z (24 units, and a million), and points of each coordinate at the same distance.

Each grid has every second point of the one before, and the middle.
"""
PLACED = 1e-9  # the largest distance from a kink at which a point of the grid stands for it


def mass(log_p: Tensor, over: Space) -> float:
    """∫ p(z) dz by one sum over a space."""
    return float((log_p.exp() * over.volume[:, 0]).sum())


def integrated(density: Callable[[Space], Tensor], middle: Tensor) -> tuple[list[Space], list[Tensor], float, float]:
    """∫ p(z) dz on grids around ``middle``, Float[Tensor, "1 D"]: they, log p there, the integral, and its error."""
    for reach, numbers in GRIDS:  # the far ones are for tails like a power of z
        over = [wide_space(middle, torch.ones_like(middle), points, reach=reach) for points in numbers]
        logs = [density(one) for one in over]
        total, slack = extrapolated([mass(log, one) for log, one in zip(logs, over, strict=True)])
        if abs(total - 1) <= NORMALISED + slack:
            break
    return over, logs, total, slack


def mode(density: Callable[[Space], Tensor], start: Tensor) -> Tensor:
    """Where a density is largest near ``start``, Float[Tensor, "1 D"]: the largest of finer and finer grids."""
    found, width = start, 1.0
    steps = torch.cartesian_prod(*[torch.linspace(-1, 1, 9, device=start.device)] * start.shape[1])
    while width > PLACED:
        near = found + width * steps.reshape(-1, 1, start.shape[1])
        found, width = near[density(Space(near, near.new_ones(1, 1))).argmax()], width / 2
    return found


def extrapolated(masses: Sequence[float]) -> tuple[float, float]:
    """An integral by Romberg's rule from three trapezoidal sums, the finest first, and the error that is left to it.

    A density with a kink, as Laplace's, has an error of order h² on each grid. If the kink is the middle, it is a point
    of all of them, so that the orders h² cancel, and nothing is left. If they do not, the kink is elsewhere, and the
    error may be as large as twice the largest difference of the sums.
    """
    fine, middle, coarse = masses
    total, earlier = (4 * fine - middle) / 3, (4 * middle - coarse) / 3
    if abs(total - earlier) <= NORMALISED:
        return total, 0.0
    return total, 2 * max(abs(fine - middle), abs(middle - coarse))

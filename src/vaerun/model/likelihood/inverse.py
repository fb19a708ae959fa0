"""The argument at which an increasing function has a given value."""

from collections.abc import Callable

import torch
from torch import Tensor

HALVINGS = 100  # more than float64 can tell apart


@torch.no_grad()
def inverse(increasing: Callable[[Tensor], Tensor], value: Tensor, low: float, high: float) -> Tensor:
    """The u in [low, high] with increasing(u) = value, elementwise, by bisection in float64; any shape.

    For starting points, which are found once: a mean that is known only as a sum or a series has no inverse in closed
    form.
    """
    target = value.double()
    below, above = torch.full_like(target, low), torch.full_like(target, high)
    for _ in range(HALVINGS):
        middle = (below + above) / 2
        short = increasing(middle) < target
        below, above = torch.where(short, middle, below), torch.where(short, above, middle)
    return ((below + above) / 2).to(value.dtype)

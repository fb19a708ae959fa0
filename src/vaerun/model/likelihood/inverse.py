"""u with increasing(u) = value: the inverse of an increasing function."""

from collections.abc import Callable

import torch
from torch import Tensor

HALVINGS = 100  # enough for float64 precision


@torch.no_grad()
def inverse(increasing: Callable[[Tensor], Tensor], value: Tensor, low: float, high: float) -> Tensor:
    """The u in [low, high] with increasing(u) = value, elementwise, by bisection in float64; any shape.

    It is used once, for initial values: a mean that is a sum or a series has no inverse in closed form.
    """
    target = value.double()
    below, above = torch.full_like(target, low), torch.full_like(target, high)
    for _ in range(HALVINGS):
        middle = (below + above) / 2
        short = increasing(middle) < target
        below, above = torch.where(short, middle, below), torch.where(short, above, middle)
    return ((below + above) / 2).to(value.dtype)

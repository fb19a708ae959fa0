"""E[x given z] at z = (1 − t) E_q[z given x] + t E_q[z given x']: interpolation between two points."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vaerun.data.base import Dataset
from vaerun.image.base import ImageSource, center, spread, visited
from vaerun.image.style import ImageStyle
from vaerun.strategy.base import Strategy

STEPS = 9


@dataclass(frozen=True)
class Interpolation(ImageSource):
    """E[x given z] along the straight line from E_q[z given x] to E_q[z given x'], with one row per pair.

    Each row starts with x and ends with x'. For binary and one-hot z, the path consists of probabilities between the
    two means, which the decoder accepts as it accepts z. If the model has a condition, c goes from that of x to that of
    x' along the same line.

    Args:
        index: places of x and x' in the validation split, Int[Tensor, "R 2"].
        x: the points, Float[Tensor, "R 2 X"].
        t: from 0 to 1, Float[Tensor, "S"].
        z: Float[Tensor, "R S D"].
        mean: Float[Tensor, "R S X"].
    """

    index: Tensor
    x: Tensor
    t: Tensor
    z: Tensor
    mean: Tensor

    @classmethod
    @torch.no_grad()
    def of(cls, strategy: Strategy, data: Dataset, index: Tensor) -> "Interpolation":
        """The interpolation between these pairs of validation points, Int[Tensor, "R 2"]."""
        index = index.to(data.valid.x.device)
        x, model = visited(data, index.flatten()), strategy.bound.model
        means, c = center(strategy, x, index.flatten()), model.given(x)
        t = torch.linspace(0, 1, STEPS, dtype=means.dtype, device=means.device)
        z = path(means, t)
        values = model.values(x).unflatten(0, (-1, 2))
        return cls(index, values, t, z, model.mean(z, None if c is None else path(c, t)))

    def image(self, style: ImageStyle) -> np.ndarray:
        first, last = self.x.split(1, dim=1)
        rows = torch.cat((first, self.mean, last), 1)
        return style.grid(rows.flatten(0, 1), rows.shape[1])


def path(ends: Tensor, t: Tensor) -> Tensor:
    """(1 − t) a + t b of R pairs (a, b), one after the other: Float[Tensor, "2R D"] ↦ Float[Tensor, "R S D"]."""
    start, end = ends.unflatten(0, (-1, 2)).unsqueeze(2).unbind(1)
    return torch.lerp(start, end, t.unsqueeze(-1))


def apart(data: Dataset, n: int) -> Tensor:
    """n pairs of distinct points, or as many as there are, half the split apart, Int[Tensor, "n 2"].

    Stored points may be sorted by class, so neighbours can have the same class.
    """
    n = max(1, min(n, len(data.valid) // 2))
    return spread(data, 2 * n).unflatten(0, (2, n)).T

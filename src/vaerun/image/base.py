"""(x, z, E[x given z], …) ↦ image: tensors that belong together, and the image that shows them."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from vaerun.data.base import Dataset
from vaerun.image.style import ImageStyle
from vaerun.posterior.moments import mean
from vaerun.strategy.base import Strategy

COLUMNS = 8  # of a grid; more if it would otherwise be taller than wide


@dataclass(frozen=True)
class ImageSource(ABC):
    """(tensors by name) ↦ image. The last axis of x and mean has the X values of a point.

    Constructing one draws from torch's global generator.
    """

    points: ClassVar[tuple[str, ...]] = ("x", "mean")

    @abstractmethod
    def image(self, style: ImageStyle) -> np.ndarray:
        """The image, uint8 [H, W] or [H, W, 3]."""

    def note(self) -> str:
        """A sentence that a reader of the image needs, or an empty string."""
        return ""

    def arrays(self, shape: Sequence[int]) -> dict[str, np.ndarray]:
        """The tensors as arrays by name; points have the shape that they have in the data."""
        every = {field.name: getattr(self, field.name) for field in fields(self)}
        found = {name: value.detach().cpu() for name, value in every.items() if value is not None}
        return {
            name: (value.unflatten(-1, shape) if name in self.points else value).numpy()
            for name, value in found.items()
        }


def columns(n: int) -> int:
    """The number of columns of a grid of n images."""
    return max(COLUMNS, math.isqrt(max(0, n - 1)) + 1)


def spread(data: Dataset, n: int) -> Tensor:
    """n evenly spaced indices of the validation split, Int[Tensor, "n"]; stored points may be sorted by class."""
    return torch.linspace(0, len(data.valid) - 1, n, device=data.valid.x.device).long()


def visited(data: Dataset, index: Tensor) -> Tensor:
    """The validation points at these indices: Int[Tensor, "n"] ↦ Float[Tensor, "n X"], with c "n X+C"."""
    return data.valid.points(index)


def first_given(data: Dataset) -> Tensor | None:
    """c of the first validation point, Float[Tensor, "1 C"]; None without a condition."""
    return None if data.valid.given is None else data.valid.given[:1]


def center(strategy: Strategy, x: Tensor, index: Tensor) -> Tensor:
    """E_q[z] of validation points, or the mean of 256 samples if it has no closed form, Float[Tensor, "B D"].

    φ is ``strategy.current``.

    Args:
        strategy: infers φ.
        x: the points, Float[Tensor, "B X"].
        index: their places in the validation split, Int[Tensor, "B"].
    """
    return mean(strategy.bound.family(strategy.current(x, index)))

"""x ↦ image: the shape of a point of the data set, and the values shown as black and white."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from vaerun.data.base import Dataset
from vaerun.image.grid import grid, pairs

ROWS = 1000  # training points whose smallest and largest values are black and white, if x is real


@dataclass(frozen=True)
class ImageStyle:
    """Float[Tensor, "N X"] ↦ image of these points, uint8 [H, W] or [H, W, 3].

    Args:
        shape: of one point, (H, W) or (H, W, 3).
        low: the value shown as black.
        high: the value shown as white, above ``low``.
    """

    shape: tuple[int, ...]
    low: float = 0.0
    high: float = 1.0

    @classmethod
    def of(cls, data: Dataset) -> "ImageStyle":
        """Black and white are 0 and 1, or for real x the smallest and largest value of the training points."""
        if data.support in ("binary", "unit"):
            return cls(data.shape)
        first = data.train.values(slice(ROWS))
        first = first[~first.isnan()]
        low, high = float(first.min()), float(first.max())
        return cls(data.shape, low, high if high > low else low + 1)

    def drawable(self) -> bool:
        """Whether points of this shape are grey or colour images, and not vectors."""
        return len(self.shape) == 2 or (len(self.shape) == 3 and self.shape[2] == 3)

    def grid(self, images: Tensor, columns: int) -> np.ndarray:
        """A grid of the images, row by row."""
        return grid(numbers(images), self.shape, columns=columns, low=self.low, high=self.high)

    def pairs(self, originals: Tensor, reconstructions: Tensor, columns: int) -> np.ndarray:
        """A grid with each original above its reconstruction."""
        shown = (numbers(originals), numbers(reconstructions))
        return pairs(*shown, self.shape, columns=columns, low=self.low, high=self.high)


def numbers(images: Tensor) -> np.ndarray:
    """The tensor as an array."""
    return images.detach().cpu().numpy()

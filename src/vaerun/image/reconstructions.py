"""x ↦ E[x given z] at z = E_q[z]: validation points and their reconstructions."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vaerun.data.base import Dataset
from vaerun.image.base import ImageSource, center, columns, spread, visited
from vaerun.image.style import ImageStyle
from vaerun.strategy.base import Strategy


@dataclass(frozen=True)
class Reconstructions(ImageSource):
    """E[x given z] at z = E_q[z], with φ as ``strategy.current`` has it; each x is above its reconstruction.

    Args:
        index: of the points in the validation split, Int[Tensor, "n"].
        x: Float[Tensor, "n X"].
        z: Float[Tensor, "n D"].
        mean: Float[Tensor, "n X"].
    """

    index: Tensor
    x: Tensor
    z: Tensor
    mean: Tensor

    @classmethod
    @torch.no_grad()
    def of(cls, strategy: Strategy, data: Dataset, n: int) -> "Reconstructions":
        """n reconstructions, or as many as there are validation points."""
        index = spread(data, min(n, len(data.valid)))
        x = visited(data, index)
        z, model = center(strategy, x, index), strategy.bound.model
        return cls(index, model.values(x), z, model.mean_like(x, z))

    def image(self, style: ImageStyle) -> np.ndarray:
        return style.pairs(self.x, self.mean, columns(len(self.x)))

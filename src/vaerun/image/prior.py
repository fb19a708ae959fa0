"""x ~ p_θ(x): samples of the prior, decoded."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vaerun.image.base import ImageSource, columns
from vaerun.image.style import ImageStyle
from vaerun.strategy.base import Strategy


@dataclass(frozen=True)
class PriorSamples(ImageSource):
    """z ~ p(z), E[x given z], and x ~ p(x given z); the image shows the means, without the noise of x.

    Args:
        z: Float[Tensor, "n D"].
        mean: Float[Tensor, "n X"].
        x: Float[Tensor, "n X"].
    """

    z: Tensor
    mean: Tensor
    x: Tensor

    @classmethod
    @torch.no_grad()
    def of(cls, strategy: Strategy, n: int) -> "PriorSamples":
        """n samples."""
        model = strategy.bound.model
        z = model.prior.sample(n)
        return cls(z, model.mean(z), model.observe(z))

    def image(self, style: ImageStyle) -> np.ndarray:
        return style.grid(self.mean, columns(len(self.mean)))

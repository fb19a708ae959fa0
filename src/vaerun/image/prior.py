"""x ~ p_θ(x): samples of the prior, decoded."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vaerun.image.base import Drawing, columns
from vaerun.image.style import Canvas
from vaerun.strategy.base import Strategy


@dataclass(frozen=True)
class PriorSamples(Drawing):
    """z ~ p(z), E[x given z], and x ~ p(x given z); the picture shows the means, which the noise of x would only blur.

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
        """n of them."""
        model = strategy.bound.model
        z = model.prior.sample(n)
        return cls(z, model.mean(z), model.observe(z))

    def picture(self, canvas: Canvas) -> np.ndarray:
        return canvas.grid(self.mean, columns(len(self.mean)))

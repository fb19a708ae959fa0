"""x ~ p_θ(x), x and E[x given z] side by side, and walks through z: what a model has learned, to look at."""

import numpy as np

from vaerun.data.base import Dataset
from vaerun.image.base import Drawing
from vaerun.image.interpolation import Interpolation, apart
from vaerun.image.manifold import Manifold
from vaerun.image.prior import PriorSamples
from vaerun.image.reconstructions import Reconstructions
from vaerun.image.style import Canvas
from vaerun.image.traversal import Traversal
from vaerun.strategy.base import Strategy


class Images:
    """Pictures of a strategy's model; each method draws from torch's global generator.

    Args:
        strategy: whose model and q are drawn; it is left as it is.
        data: whose validation points are reconstructed, and whose shape the images have.
    """

    def __init__(self, strategy: Strategy, data: Dataset) -> None:
        self.strategy, self.data = strategy, data
        self.canvas = Canvas.of(data)

    def drawable(self) -> bool:
        """Whether the data are grey or colour images: vectors have no picture."""
        return self.canvas.drawable()

    def picture(self, drawing: Drawing) -> np.ndarray:
        """What has been drawn, as uint8 [H, W] or [H, W, 3]."""
        return drawing.picture(self.canvas)

    def prior_picture(self, n: int) -> np.ndarray:
        """A grid of E[x given z] at n draws z ~ p(z)."""
        return self.picture(PriorSamples.of(self.strategy, n))

    def reconstruction_picture(self, n: int) -> np.ndarray:
        """n validation points, each above its reconstruction."""
        return self.picture(Reconstructions.of(self.strategy, self.data, n))

    def interpolation_picture(self, n: int) -> np.ndarray:
        """A row for each of n pairs of validation points: the way from one to the other through z."""
        return self.picture(Interpolation.of(self.strategy, self.data, apart(self.data, n)))

    def traversal_picture(self, latents: int) -> np.ndarray:
        """A row for each active latent, most active first, ``latents`` at most."""
        return self.picture(Traversal.of(self.strategy, self.data, latents))

    def manifold_picture(self) -> np.ndarray:
        """A grid of E[x given z] over the plane; only where z is real and D = 2 (``Manifold.exists``)."""
        return self.picture(Manifold.of(self.strategy))

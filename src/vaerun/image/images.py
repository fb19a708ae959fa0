"""x ~ p_θ(x), x and E[x given z] side by side, and walks through z: what a model has learned, to look at."""

import numpy as np

from vaerun.data.base import Dataset
from vaerun.image.base import ImageSource
from vaerun.image.interpolation import Interpolation, apart
from vaerun.image.manifold import Manifold
from vaerun.image.prior import PriorSamples
from vaerun.image.reconstructions import Reconstructions
from vaerun.image.style import ImageStyle
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
        self.style = ImageStyle.of(data)

    def drawable(self) -> bool:
        """Whether the data are grey or colour images: vectors have no picture."""
        return self.style.drawable()

    def image(self, drawing: ImageSource) -> np.ndarray:
        """What has been drawn, as uint8 [H, W] or [H, W, 3]."""
        return drawing.image(self.style)

    def prior_image(self, n: int) -> np.ndarray:
        """A grid of E[x given z] at n draws z ~ p(z)."""
        return self.image(PriorSamples.of(self.strategy, n))

    def reconstruction_image(self, n: int) -> np.ndarray:
        """n validation points, each above its reconstruction."""
        return self.image(Reconstructions.of(self.strategy, self.data, n))

    def interpolation_image(self, n: int) -> np.ndarray:
        """A row for each of n pairs of validation points: the way from one to the other through z."""
        return self.image(Interpolation.of(self.strategy, self.data, apart(self.data, n)))

    def traversal_image(self, latents: int) -> np.ndarray:
        """A row for each active latent, most active first, ``latents`` at most."""
        return self.image(Traversal.of(self.strategy, self.data, latents))

    def manifold_image(self) -> np.ndarray:
        """A grid of E[x given z] over the plane; only where z is real and D = 2 (``Manifold.exists``)."""
        return self.image(Manifold.of(self.strategy))

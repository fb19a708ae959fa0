"""x ~ p_θ(x), x beside E[x given z], and E[x given z] along paths in z: images of a trained model."""

import numpy as np

from vaerun.data.base import Dataset
from vaerun.image.base import ImageSource, first_given
from vaerun.image.interpolation import Interpolation, apart
from vaerun.image.manifold import Manifold
from vaerun.image.prior import PriorSamples, conditions
from vaerun.image.reconstructions import Reconstructions
from vaerun.image.style import ImageStyle
from vaerun.image.traversal import Traversal
from vaerun.strategy.base import Strategy


class Images:
    """(strategy, data) ↦ images of its model; each method draws from torch's global generator.

    Args:
        strategy: with the model and q to show; it is not changed.
        data: with the validation points to reconstruct and the shape of an image.
    """

    def __init__(self, strategy: Strategy, data: Dataset) -> None:
        self.strategy, self.data = strategy, data
        self.style = ImageStyle.of(data)

    def drawable(self) -> bool:
        """Whether the data are grey or colour images, and not vectors."""
        return self.style.drawable()

    def image(self, source: ImageSource) -> np.ndarray:
        """The image of a source, uint8 [H, W] or [H, W, 3]."""
        return source.image(self.style)

    def prior_image(self, n: int) -> np.ndarray:
        """A grid of E[x given z] at about n draws z ~ p(z), with a row for each class if the class is the condition."""
        given = conditions(self.data, n)
        return self.image(PriorSamples.of(self.strategy, n if given is None else len(given), given))

    def reconstruction_image(self, n: int) -> np.ndarray:
        """n validation points, each above its reconstruction."""
        return self.image(Reconstructions.of(self.strategy, self.data, n))

    def interpolation_image(self, n: int) -> np.ndarray:
        """A row for each of n pairs of validation points: E[x given z] on the line between their E_q[z]."""
        return self.image(Interpolation.of(self.strategy, self.data, apart(self.data, n)))

    def traversal_image(self, latents: int) -> np.ndarray:
        """A row for each active latent, most active first, at most ``latents`` rows."""
        return self.image(Traversal.of(self.strategy, self.data, latents))

    def manifold_image(self) -> np.ndarray:
        """A grid of E[x given z] over the plane; only where z is real and D = 2 (``Manifold.exists``)."""
        return self.image(Manifold.of(self.strategy, first_given(self.data)))

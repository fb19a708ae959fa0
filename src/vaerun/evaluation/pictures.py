"""x ~ p_θ(x), x and E[x given z] side by side, and walks through z: what a model has learned, to look at."""

import numpy as np
import torch
from torch import Tensor

from vaerun.data.base import Dataset
from vaerun.evaluation.picture import grid, pairs
from vaerun.posterior.base import ClosedFormMean, Posterior
from vaerun.strategy.base import Strategy

COLUMNS = 8
REACH = 2.5  # how far a walk goes, in standard deviations of a standard normal prior


class Pictures:
    """Pictures of a strategy's model; each method draws from torch's global generator.

    Args:
        strategy: whose model and q are drawn.
        data: whose validation points are reconstructed, and whose shape the images have.
    """

    def __init__(self, strategy: Strategy, data: Dataset) -> None:
        self.strategy, self.data = strategy, data
        first = data.train.visit(data.train.x[:1000])
        unit = data.support in ("binary", "unit")
        self.low, self.high = (0.0, 1.0) if unit else (float(first.min()), float(first.max()))

    def drawable(self) -> bool:
        """Whether the data are grey or colour images: vectors have no picture."""
        return len(self.data.shape) == 2 or (len(self.data.shape) == 3 and self.data.shape[2] == 3)

    def points(self, n: int) -> Tensor:
        """n validation points, evenly spread: stored rows may be sorted by class, Float[Tensor, "n X"]."""
        valid = self.data.valid
        rows = torch.linspace(0, len(valid) - 1, min(n, len(valid)), device=valid.x.device).long()
        return valid.visit(valid.x.index_select(0, rows))

    @torch.no_grad()
    def prior(self, n: int) -> Tensor:
        """E[x given z] at n draws z ~ p(z), since the noise of x would only blur it, Float[Tensor, "n X"]."""
        model = self.strategy.bound.model
        return model.mean(model.prior.sample(n))

    @torch.no_grad()
    def reconstructions(self, x: Tensor) -> Tensor:
        """E[x given z] at z = E_q[z], for φ as the strategy infers it, Float[Tensor, "n X"]."""
        q = self.strategy.bound.family(self.strategy.infer(x).phi)
        return self.strategy.bound.model.mean(center(q))

    @torch.no_grad()
    def traversal(self, x: Tensor, steps: int, latents: int) -> Tensor:
        """E[x given z] for one x, Float[Tensor, "1 X"], moving one latent a row, Float[Tensor, "latents*steps X"].

        A real latent walks from −2.5 to 2.5, a binary one from 0 to 1, the others stay at E_q[z]. The rows are the
        latents whose walk changes the picture most.
        """
        bound = self.strategy.bound
        z = center(bound.family(self.strategy.infer(x).phi))
        low, high = (-REACH, REACH) if bound.family.support == "real" else (0.0, 1.0)
        walk = torch.linspace(low, high, steps, device=z.device)
        moved = z.expand(z.shape[1], steps, -1).clone()
        for d in range(z.shape[1]):
            moved[d, :, d] = walk
        images = bound.model.mean(moved)
        change = (images[:, -1] - images[:, 0]).abs().mean(1)
        return images[change.argsort(descending=True)[:latents]].flatten(0, 1)

    def prior_picture(self, n: int) -> np.ndarray:
        """A grid of ``prior``."""
        return self.grid(self.prior(n), COLUMNS)

    def reconstruction_picture(self, n: int) -> np.ndarray:
        """Validation points, each above its reconstruction."""
        x = self.points(n)
        shown = (numbers(x), numbers(self.reconstructions(x)))
        return pairs(*shown, self.data.shape, columns=COLUMNS, low=self.low, high=self.high)

    def traversal_picture(self, latents: int) -> np.ndarray:
        """A row per latent."""
        return self.grid(self.traversal(self.points(1), COLUMNS + 1, latents), COLUMNS + 1)

    def grid(self, images: Tensor, columns: int) -> np.ndarray:
        """The images as one picture."""
        return grid(numbers(images), self.data.shape, columns=columns, low=self.low, high=self.high)


def center(q: Posterior) -> Tensor:
    """E_q[z], or the mean of 256 samples where it has no closed form, Float[Tensor, "B D"]."""
    return q.mean() if isinstance(q, ClosedFormMean) else q.sample(256).mean(0)


def numbers(images: Tensor) -> np.ndarray:
    """The tensor on the host."""
    return images.detach().cpu().numpy()

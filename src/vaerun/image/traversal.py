"""E[x given z] as one coordinate of z walks and the others stay: what each active latent means."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vaerun.data.base import Dataset
from vaerun.image.base import ImageSource, center, spread, visited
from vaerun.image.quantile import quantiles
from vaerun.image.style import ImageStyle
from vaerun.posterior.active_units import ACTIVE, means, variance
from vaerun.strategy.base import Strategy

STEPS = 9
REACH = 2.5  # how far a walk goes, in standard deviations of a standard normal prior
POINTS = 256  # that the variance is taken over
ROUNDING = 1e-5  # of the largest value: what it changes by less, x does not see


@dataclass(frozen=True)
class Traversal(ImageSource):
    """E[x given z] for one x as z_d walks and the others stay at E_q[z]; a row per active latent, most active first.

    Active is a latent with Var_x(E_q[z_d]) > 0.01 over 256 validation points. A real one walks between the quantiles of
    its prior that are −2.5 and 2.5 of a standard normal, a binary one from 0 to 1, a coordinate of a one-hot block from
    0 to 1 with the rest of the block in proportion. A latent that x does not see, given the others, has no row: so
    those of upper layers. If none is active, the one that varies most has a row.

    Args:
        index: the point's place in the validation split, Int[Tensor, ""].
        x: the point, Float[Tensor, "X"].
        latent: d of each row, Int[Tensor, "L"].
        variance: Var_x(E_q[z_d]) of each row, Float[Tensor, "L"].
        value: z_d, Float[Tensor, "L S"].
        z: Float[Tensor, "L S D"].
        mean: Float[Tensor, "L S X"].

    Reference: Burda, Grosse, Salakhutdinov 2016, Importance weighted autoencoders, §5.2 (active units).
    """

    index: Tensor
    x: Tensor
    latent: Tensor
    variance: Tensor
    value: Tensor
    z: Tensor
    mean: Tensor

    @classmethod
    @torch.no_grad()
    def of(cls, strategy: Strategy, data: Dataset, latents: int) -> "Traversal":
        """Of the first validation point, with at most so many rows."""
        bound = strategy.bound
        index = spread(data, min(POINTS, len(data.valid)))
        x = visited(data, index)
        activity = variance(*means(bound.family(strategy.infer(x).phi)))
        order = activity.argsort(descending=True)
        value = walks(strategy)[order]
        z = center(strategy, x[:1])[0]
        path = torch.stack([walk(z, d, to, bound.family.block) for d, to in zip(order.tolist(), value, strict=True)])
        mean = bound.model.mean(path)
        rows = choose(activity[order], mean)[:latents]
        return cls(index[0], x[0], order[rows], activity[order][rows], value[rows], path[rows], mean[rows])

    def note(self) -> str:
        if self.variance[0] > ACTIVE:
            return ""
        return f"no latent is active (Var_x E_q[z_d] > {ACTIVE:g}), so the traversal shows the one that varies most"

    def image(self, style: ImageStyle) -> np.ndarray:
        return style.grid(self.mean.flatten(0, 1), self.mean.shape[1])


def walks(strategy: Strategy) -> Tensor:
    """The values that each latent takes, Float[Tensor, "D S"]."""
    prior = strategy.bound.model.prior
    z = prior.sample(1)
    if prior.support == "real":
        low, high = quantiles(prior, torch.special.ndtr(z.new_tensor((-REACH, REACH))))
    else:
        low, high = torch.zeros_like(z[0]), torch.ones_like(z[0])
    t = torch.linspace(0, 1, STEPS, dtype=z.dtype, device=z.device)
    return torch.lerp(low.unsqueeze(1), high.unsqueeze(1), t)


def walk(z: Tensor, d: int, values: Tensor, block: int) -> Tensor:
    """z with z_d at each of the values, the rest of its block sharing what they leave of 1: [D], [S] ↦ [S, D]."""
    first = d - d % block
    others = [e for e in range(first, first + block) if e != d]
    share = z[others].clamp_min(torch.finfo(z.dtype).tiny)
    path = z.repeat(len(values), 1)
    path[:, others] = (1 - values).unsqueeze(1) * (share / share.sum())
    path[:, d] = values
    return path


def choose(activity: Tensor, mean: Tensor) -> list[int]:
    """The rows, Float[Tensor, "D S X"], of latents that are active and that x sees; the first if there is none."""
    change = (mean.amax(1) - mean.amin(1)).amax(1)
    seen = (change > ROUNDING * mean.abs().amax()).nonzero().flatten().tolist() or [0]
    active = (activity > ACTIVE).tolist()
    return [row for row in seen if active[row]] or seen[:1]

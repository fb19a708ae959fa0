"""E[x given z] for varying z_d and fixed other coordinates: traversals of the active latents."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vaerun.data.base import Dataset
from vaerun.image.base import ImageSource, center, spread, visited
from vaerun.image.quantile import quantiles
from vaerun.image.style import ImageStyle
from vaerun.model.base import Model
from vaerun.posterior.active_units import ACTIVE, means, variance
from vaerun.strategy.base import Strategy

STEPS = 9
REACH = 2.5  # half the length of a traversal, in standard deviations of a standard normal prior
POINTS = 256  # for the variance of E_q[z_d]
ROUNDING = 1e-5  # relative to the largest value: smaller changes of x are rounding errors


@dataclass(frozen=True)
class Traversal(ImageSource):
    """E[x given z] for varying z_d, with the other coordinates at E_q[z] of one x; a row per active latent.

    The most active latent comes first. A latent is active if Var_x(E_q[z_d]) > 0.01 over 256 validation points. A real
    z_d varies between the quantiles of its prior at Φ(−2.5) and Φ(2.5), Φ the standard normal distribution function; a
    binary z_d varies from 0 to 1; a coordinate of a one-hot block varies from 0 to 1, and the rest of the block keeps
    its proportions. A latent that does not change E[x given z], such as one of an upper layer, has no row. If no latent
    is active, the one with the largest variance has a row. If the model has a condition, c is that of the point.

    Args:
        index: of the point in the validation split, Int[Tensor, ""].
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
        """The traversal at the first validation point, with at most ``latents`` rows."""
        bound = strategy.bound
        index = spread(data, min(POINTS, len(data.valid)))
        x = visited(data, index)
        activity = variance(*means(bound.family(strategy.current(x, index))))
        order = activity.argsort(descending=True)
        given = bound.model.given(x[:1])
        value = walks(bound.model, given)[order]
        z = center(strategy, x[:1], index[:1])[0]
        path = torch.stack([walk(z, d, to, bound.family.block) for d, to in zip(order.tolist(), value, strict=True)])
        mean = bound.model.mean(path, given)
        rows = choose(activity[order], mean)[:latents]
        return cls(
            index[0], bound.model.values(x[0]), order[rows], activity[order][rows], value[rows], path[rows], mean[rows]
        )

    def note(self) -> str:
        if self.variance[0] > ACTIVE:
            return ""
        return (
            f"over the points of this traversal, Var_x E_q[z_d] is at most {float(self.variance[0]):.2g} (a latent is "
            f"active from {ACTIVE:g} on), so the traversal shows the latent whose variance is the largest"
        )

    def image(self, style: ImageStyle) -> np.ndarray:
        return style.grid(self.mean.flatten(0, 1), self.mean.shape[1])


def walks(model: Model, given: Tensor | None) -> Tensor:
    """The values of z_d in a traversal, for every d, Float[Tensor, "D S"]; c is that of one point."""
    z = model.sample_prior(1, given)
    if model.prior.support == "real":
        low, high = quantiles(model.prior_of(given), torch.special.ndtr(z.new_tensor((-REACH, REACH))))
    else:
        low, high = torch.zeros_like(z[0]), torch.ones_like(z[0])
    t = torch.linspace(0, 1, STEPS, dtype=z.dtype, device=z.device)
    return torch.lerp(low.unsqueeze(1), high.unsqueeze(1), t)


def walk(z: Tensor, d: int, values: Tensor, block: int) -> Tensor:
    """z with z_d set to each of the values, the rest of its block scaled to sum to 1 − z_d: [D], [S] ↦ [S, D]."""
    first = d - d % block
    others = [e for e in range(first, first + block) if e != d]
    share = z[others].clamp_min(torch.finfo(z.dtype).tiny)
    path = z.repeat(len(values), 1)
    path[:, others] = (1 - values).unsqueeze(1) * (share / share.sum())
    path[:, d] = values
    return path


def choose(activity: Tensor, mean: Tensor) -> list[int]:
    """Indices of rows of ``mean``, Float[Tensor, "D S X"], that are active and change x; the first if there is none."""
    change = (mean.amax(1) - mean.amin(1)).amax(1)
    seen = (change > ROUNDING * mean.abs().amax()).nonzero().flatten().tolist() or [0]
    active = (activity > ACTIVE).tolist()
    return [row for row in seen if active[row]] or seen[:1]

"""x, and below it E_q[E[x given z]] under every q, for the points of the largest gaps."""

from collections.abc import Sequence

import numpy as np
import torch

from vaerun.bound.bound import Bound
from vaerun.evaluation.gap_estimates import Gap, GapEstimates
from vaerun.image.style import ImageStyle

WORST = 8  # points, at most
DRAWS = 64  # of z for each reconstruction


def worst_points(bounds: Sequence[Bound], estimates: GapEstimates, gap: Gap, style: ImageStyle) -> list[np.ndarray]:
    """An image with a column for each of the points with the largest gaps, the largest first; none for vectors.

    The rows are the points, their reconstructions under q, under q*, and under the richer family's q*.
    """
    count = min(WORST, int(gap.known.sum()))
    if not style.drawable() or count == 0:
        return []
    rows = gap.value.where(gap.known, -torch.inf).topk(count).indices
    model, x = bounds[0].model, estimates.x[rows]
    shown = [model.values(x)]
    for bound, phi in zip(bounds, estimates.phis, strict=True):
        shown.append(bound.model.mean_like(x, bound.family(phi[rows]).sample(DRAWS)).mean(0))
    return [style.grid(torch.cat(shown), columns=count)]

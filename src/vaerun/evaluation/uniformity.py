"""Ranks of true values among samples, and how far they are from uniform."""

import math

import torch
from torch import Tensor


def relative_rank(true: Tensor, samples: Tensor) -> Tensor:
    """u = (r + v) / (L + 1) with r the rank of the true value among L samples and v uniform on [0, 1].

    r is the number of smaller samples; of equal samples, a random number counts as smaller. If the true value and the
    samples are draws of one distribution, u is uniform on [0, 1], also if the distribution is discrete.

    Args:
        true: Float[Tensor, "*B"].
        samples: Float[Tensor, "L *B"].

    Returns:
        u, Float[Tensor, "*B"].
    """
    smaller, equal = (samples < true).sum(0), (samples == true).sum(0)
    rank = smaller + (torch.rand_like(true) * (equal + 1)).floor().clamp_max(equal)
    return (rank + torch.rand_like(true)) / (len(samples) + 1)


def bins_for(count: int) -> int:
    """The number of bins of a histogram of N values: N / 20, from 2 to 20."""
    return min(20, max(2, count // 20))


def histogram(u: Tensor, bins: int) -> Tensor:
    """How many values lie in each of equal bins of [0, 1]: Float[Tensor, "N"] ↦ Float[Tensor, "M"]."""
    return torch.bincount((u * bins).long().clamp_max(bins - 1), minlength=bins).double()


def chi_square_p_value(u: Tensor) -> float:
    """P(χ² ≥ Σ_m (O_m − N/M)² / (N/M)) for χ² with M − 1 degrees of freedom: whether u, [N], is uniform on [0, 1]."""
    bins = bins_for(len(u))
    expected = len(u) / bins
    statistic = (histogram(u, bins) - expected).square().sum() / expected
    freedom = torch.tensor((bins - 1) / 2, dtype=torch.float64)
    return float(torch.special.gammaincc(freedom, statistic.cpu() / 2))


def deviation(u: Tensor) -> Tensor:
    """sup_a |F_N(a) − a| with F_N the fraction of values at most a: Float[Tensor, "*S N"] ↦ Float[Tensor, "*S"]."""
    ordered = u.double().sort(-1).values
    count = ordered.shape[-1]
    above = torch.arange(1, count + 1, device=u.device) / count - ordered
    return torch.maximum(above.amax(-1), (1 / count - above).amax(-1))


def kolmogorov_p_value(sup: float, count: int) -> float:
    """P(D ≥ sup) for the largest deviation D of N uniform values: 2 Σ_j (−1)^{j−1} e^{−2 j² t²}.

    t = sup (√N + 0.12 + 0.11/√N).

    Reference: Stephens 1970, Use of the Kolmogorov-Smirnov, Cramér-von Mises and related statistics.
    """
    root = math.sqrt(count)
    t = sup * (root + 0.12 + 0.11 / root)
    if t < 0.2:  # the sum converges slowly where the probability is 1
        return 1.0
    terms = [(-1) ** (j - 1) * math.exp(-2 * (j * t) ** 2) for j in range(1, 101)]
    return min(1.0, max(0.0, 2 * math.fsum(terms)))

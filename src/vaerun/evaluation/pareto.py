"""k̂: the shape of the generalised Pareto distribution that fits the largest importance weights."""

import math

import torch
from torch import Tensor

REASONABLE = 5  # exceedances that a fit of two parameters needs
PRIOR_SHAPE, PRIOR_COUNT = 0.5, 10  # pulls k̂ of a short tail to ½, as ten exceedances of that shape would


def tail_length(num_samples: int) -> int:
    """M = ⌈min(K/5, 3√K)⌉: how many of K weights count as their tail."""
    return math.ceil(min(0.2 * num_samples, 3 * math.sqrt(num_samples)))


def samples_needed(k: Tensor) -> Tensor:
    """10^{1/(1 − max(0, k̂))}: the K from which an estimate whose weights have that tail is reliable; ∞ at k̂ ≥ 1.

    Reference: Vehtari et al. 2024, Pareto smoothed importance sampling, §3 (minimum sample size).
    """
    room = 1 - k.clamp(min=0)
    return torch.where(room > 0, 10 ** (1 / room.clamp(min=1e-3)), math.inf)


def tail_shape(exceedances: Tensor) -> Tensor:
    """k̂ of every row of exceedances over a threshold: Float[Tensor, "B M"] ≥ 0 ↦ Float[Tensor, "B"].

    The density is (1/σ)(1 + k y/σ)^{−1/k − 1}: moments of order 1/k and above are infinite. The profile likelihood in
    b = −k/σ is averaged over 30 + ⌊√M⌋ quantiles of a data-driven prior, and k̂ is the shape at that mean b, with a
    weak prior at ½. If all exceedances of a row are 0, because its largest weights are equal, k̂ is 0.

    Reference: Zhang, Stephens 2009, A new and efficient estimation method for the generalized Pareto distribution;
    Vehtari et al. 2024, Pareto smoothed importance sampling, appendix.
    """
    y = exceedances.double().sort(dim=-1).values
    M = y.shape[-1]
    largest = y[:, -1:]
    level = largest.squeeze(-1) > 0
    y = torch.where(largest > 0, y / largest.clamp(min=torch.finfo(y.dtype).tiny), torch.ones_like(y))
    # Ties at the threshold, which discrete z has, would put the quartile at 0.
    positive = torch.where(y > 0, y, math.inf).amin(-1)
    quartile = torch.maximum(y[:, math.floor(M / 4 + 0.5) - 1], positive)
    grid = 30 + math.floor(math.sqrt(M))
    position = (torch.arange(1, grid + 1, dtype=y.dtype, device=y.device) - 0.5) / grid
    b = 1 + (1 - position.rsqrt()) / (3 * quartile.unsqueeze(-1))  # [B, grid]; all below 1/largest = 1
    b = torch.where(b == 0, torch.finfo(b.dtype).eps, b)  # its limit there, the exponential, is 0/0 as written
    shape = torch.stack([_shape(y, column) for column in b.unbind(-1)], dim=-1)
    log_profile = M * ((-b / shape).log() - shape - 1)
    weights = log_profile.softmax(-1)
    k = _shape(y, (weights * b).sum(-1))
    return torch.where(level, (M * k + PRIOR_COUNT * PRIOR_SHAPE) / (M + PRIOR_COUNT), 0.0)


def _shape(y: Tensor, b: Tensor) -> Tensor:
    """The k of the largest likelihood at a given b = −k/σ, Float[Tensor, "B M"], Float[Tensor, "B"] ↦ [B]."""
    return torch.log1p(-b.unsqueeze(-1) * y).mean(-1)

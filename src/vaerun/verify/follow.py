"""Whether draws follow a density: means of functions of them, and their distribution function, against sums over it."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from vaerun.exact.expectation import Space
from vaerun.verify.claim import Claim, by_chance, within, z_scores

DRAWS = 200_000
GRID = 1e-4  # allowed error of a mean over a grid, in standard deviations
KOLMOGOROV = 3.8
"""√N times the largest distance of two distribution functions; chance alone passes it with probability 6e-13."""


def statistics(u: Tensor) -> dict[str, Tensor]:
    """Functions of z in standard units, by what their means tell: Float[Tensor, "S D"] ↦ each Float[Tensor, "S F"].

    They are bounded, because a density with heavy tails may have no moments.
    """
    near, (i, j) = u.tanh(), torch.triu_indices(u.shape[1], u.shape[1], device=u.device)
    return {"location": near, "scale and correlations": near[:, i] * near[:, j], "shape": (-0.5 * u.square()).exp()}


def units(z: Tensor, mass: Tensor) -> tuple[Tensor, Tensor]:
    """Median and distance of the quartiles of each coordinate, where that is not 0: each Float[Tensor, "D"]."""
    values, order = z.sort(dim=0)
    below = mass[order].cumsum(0)
    low, middle, high = (
        values.gather(0, (below < q * below[-1:]).sum(0, keepdim=True).clamp(max=len(z) - 1))[0]
        for q in (0.25, 0.5, 0.75)
    )
    return middle, torch.where(high > low, high - low, 1.0)


def follows(
    method: str,
    where: str,
    draws: Tensor,
    over: tuple[Space, Space],
    log_p: tuple[Tensor, Tensor],
    *,
    what: str = "samples",
) -> Iterator[Claim]:
    """Location, scale, correlations and shape of draws of z are those of a density.

    Args:
        method: whose density it is.
        where: the problem.
        draws: of z, Float[Tensor, "N D"].
        over: a fine space and a coarse one; their difference is allowed.
        log_p: the log-density there, each Float[Tensor, "S"].
        what: the draws, in words.
    """
    masses = [(log.exp() * one.volume[:, 0]).detach() for log, one in zip(log_p, over, strict=True)]
    middle, unit = units(over[0].z[:, 0], masses[0])
    exact = [
        {name: mass @ f for name, f in statistics((one.z[:, 0] - middle) / unit).items()}
        for mass, one in zip(masses, over, strict=True)
    ]
    for name, f in statistics((draws - middle) / unit).items():
        fine, coarse = (one[name] for one in exact)
        error = f.std(0) / math.sqrt(len(f))
        scores = z_scores(f.mean(0), error, fine, (fine - coarse).abs(), freedom=len(f) - 1)
        yield by_chance(method, where, f"{what} have its {name}", z=float(scores.max()))


def distance(draws: Tensor, axis: Tensor, mass: Tensor) -> float:
    """The largest difference of the distribution functions of draws and of a density of one number.

    Args:
        draws: Float[Tensor, "N"].
        axis: increasing values, each the only one or the middle of its cell, Float[Tensor, "S"].
        mass: the probability of each, Float[Tensor, "S"].
    """
    edges = (axis[1:] + axis[:-1]) / 2  # rounding of a draw does not carry it over an edge
    below = torch.searchsorted(draws.sort().values, edges).to(mass) / len(draws)
    return float((below - mass.cumsum(0)[:-1]).abs().max())


def distributed(method: str, where: str, draws: Tensor, axis: Tensor, mass: Tensor) -> Claim:
    """The claim that draws of each coordinate of x, Float[Tensor, "N X"], have the masses, Float[Tensor, "S X"]."""
    far = max(distance(own, axis, p) for own, p in zip(draws.T.contiguous(), mass.T, strict=True))
    told = f"{far:.4f} apart at most"
    return within(
        method, where, "samples follow it", error=far, allowed=KOLMOGOROV / math.sqrt(len(draws)), measured=told
    )

"""E[g], tr Cov[g] and ‖E[g]‖² of a gradient from replicas that are added one by one and not kept."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from vaerun.notation import NOTHING

GROUPS = 10  # of replicas, whose variation gives the standard errors


class GradientMoments:
    """m_n = m_{n−1} + (g_n − m_{n−1})/n and S_n = S_{n−1} + (g_n − m_{n−1})(g_n − m_n), each Float[Tensor, "B P"].

    Reference: Welford 1962, Note on a method for calculating corrected sums of squares and products; Chan, Golub,
    LeVeque 1983 (the same for two groups).
    """

    def __init__(self, like: Tensor) -> None:
        self.count = 0
        self.mean, self.square = torch.zeros_like(like), torch.zeros_like(like)

    def add(self, value: Tensor) -> None:
        """Adds one replica."""
        self.count += 1
        away = value - self.mean
        self.mean.add_(away, alpha=1 / self.count)
        self.square.addcmul_(away, value - self.mean)

    def merge(self, other: "GradientMoments") -> None:
        """Adds all replicas of another object."""
        count = self.count + other.count
        away = other.mean - self.mean
        self.square.add_(other.square).addcmul_(away, away, value=self.count * other.count / count)
        self.mean.add_(away, alpha=other.count / count)
        self.count = count

    def noise(self) -> Tensor:
        """tr Cov[g] of every row, unbiased, Float[Tensor, "B"]."""
        return self.square.sum(1) / (self.count - 1)

    def signal(self, known: Tensor | None = None) -> Tensor:
        """‖E[g] − known‖² of every row, unbiased, so that it may come out below zero, Float[Tensor, "B"].

        The noise of R replicas adds tr Cov[g]/R to the square of their mean; it is subtracted.
        """
        mean = self.mean if known is None else self.mean - known
        return mean.square().sum(1) - self.noise() / self.count


class Replicated(NamedTuple):
    """Moments of the replicas of one parameter group."""

    moments: GradientMoments  # of them all
    noise: Tensor  # mean over rows of tr Cov[g], from each group of replicas alone, Float[Tensor, "G"]
    signal: Tensor  # mean over rows of ‖E[g]‖², likewise, Float[Tensor, "G"]
    bias: Tensor  # mean over rows of ‖E[g] − known‖², likewise, Float[Tensor, "G"]; the signal's where none is known


def replicate(
    draw: Callable[[], Mapping[str, Tensor]], replicas: int, known: Mapping[str, Tensor] = NOTHING
) -> dict[str, Replicated]:
    """The moments of ``replicas`` draws, by parameter group, each Float[Tensor, "B P"]: memory does not grow with them.

    Args:
        draw: one replica.
        replicas: R, 2 GROUPS or more.
        known: what E[g] should be, of the parameter groups where that is known.
    """
    whole: dict[str, GradientMoments] = {}
    scalars: dict[str, list[Tensor]] = {}
    for group in range(GROUPS):
        part: dict[str, GradientMoments] = {}
        for _ in range(replicas // GROUPS + (group < replicas % GROUPS)):
            for name, value in draw().items():
                part.setdefault(name, GradientMoments(value)).add(value)
        for name, moments in part.items():
            whole.setdefault(name, GradientMoments(moments.mean)).merge(moments)
            rows = (moments.noise(), moments.signal(), moments.signal(known.get(name)))
            scalars.setdefault(name, []).append(torch.stack(rows).mean(1))
    return {name: Replicated(moments, *torch.stack(scalars[name], 1)) for name, moments in whole.items()}

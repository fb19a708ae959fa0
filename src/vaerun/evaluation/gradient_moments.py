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
    """Moments of the replicas of one parameter group, and how sure their means over the rows are."""

    moments: GradientMoments  # of them all
    noise: Tensor  # mean over rows of tr Cov[g], from each group of replicas alone, Float[Tensor, "G"]
    signal_error: float  # the standard error of the mean over rows of ‖E[g]‖²
    bias_error: float  # that of ‖E[g] − known‖²; of ‖E[g]‖² where nothing is known


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
    noise: dict[str, list[Tensor]] = {}
    means: dict[str, list[Tensor]] = {}
    for group in range(GROUPS):
        part: dict[str, GradientMoments] = {}
        for _ in range(replicas // GROUPS + (group < replicas % GROUPS)):
            for name, value in draw().items():
                part.setdefault(name, GradientMoments(value)).add(value)
        for name, moments in part.items():
            whole.setdefault(name, GradientMoments(moments.mean)).merge(moments)
            noise.setdefault(name, []).append(moments.noise().mean())
            means.setdefault(name, []).append(moments.mean)
    found = {}
    for name, moments in whole.items():
        of_groups = torch.stack(means.pop(name))
        signal_error = error_of_square(of_groups)
        bias_error = error_of_square(of_groups.sub_(known[name])) if name in known else signal_error
        found[name] = Replicated(moments, torch.stack(noise[name]), signal_error, bias_error)
    return found


def error_of_square(means: Tensor) -> float:
    """The standard error of an estimate of ‖E[m]‖², mean over rows, from G independent means, Float[Tensor, "G B P"].

    ⟨m_g, m_h⟩ = ‖E[m]‖² + a_g + a_h + e_gh for g ≠ h, with uncorrelated terms: a_g is the noise of m_g along E[m], e_gh
    that of the pair. The mean of all pairs has the variance 4 Var[a]/G + 2 Var[e]/(G (G − 1)). Near E[m] = 0 only the
    second term is left, which the variation over groups, each with its own estimate, would give G times.

    Reference: Hoeffding 1948, A class of statistics with asymptotically normal distribution, §5.
    """
    rows = means.flatten(1)
    products = rows @ rows.T / means.shape[1]
    G = len(products)
    products.fill_diagonal_(0.0)
    signal = products.sum() / (G * (G - 1))
    a = (products.sum(1) - (G - 1) * signal) / (G - 2)
    e = (products - signal - a - a.unsqueeze(1)).fill_diagonal_(0.0)
    of_pairs = e.square().sum() / (G * (G - 3))
    of_single = (a.square().sum() / (G - 1) - of_pairs / (G - 2)).clamp(min=0)
    return float((4 * of_single / G + 2 * of_pairs / (G * (G - 1))).sqrt())

"""log p̂ − L[q*], L[q*] − L[q] and log p̂ − L[q] of every point, from estimates of the three terms."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from vaerun.evaluation.gap_metrics import (
    AMORTIZATION_GAP,
    APPROXIMATION_GAP,
    INFERENCE_GAP,
    approximation_gap,
)
from vaerun.evaluation.gap_rewards import RewardMeans
from vaerun.metric.metric import Metric

MEAN = 2.0  # standard errors of a mean, below which it may be noise
POINT = 4.0  # the same for one point's value, higher because there are many points
OWN, OPTIMAL, RICHER = 0, 1, 2  # the places of q, of q* in its family, and of q* in another, among Q


class GapEstimates(NamedTuple):
    """N points, the φ of Q posteriors for each, and estimates of their ELBOs and of log p(x).

    The posteriors are q, q*, and, where Q = 3, the q* of a richer family.
    """

    x: Tensor  # Float[Tensor, "N X"]
    phis: Sequence[Tensor]  # Q of them, each Float[Tensor, "N P"]
    rewards: RewardMeans
    converged: Tensor  # Bool[Tensor, "Q N"]: less than 0.05 nat left to gain, noise included; True for q itself
    left: Tensor  # Float[Tensor, "Q N"]: nats that the search for that q leaves to gain; 0 for q itself
    evidence: Mapping[Metric, Tensor]  # log p̂ by what estimates it, the least noisy first, each Float[Tensor, "N"]

    def likeliest(self) -> Metric:
        """The estimate of log p̂ to be used for all points: the first, or a later one that is clearly larger on average.

        All lie below log p(x) in expectation, so the larger one is better if the difference is more than noise. To take
        the largest one of each point, or by any margin, would bias the estimate upwards.
        """
        best, *others = self.evidence
        for name in others:
            more = self.evidence[name] - self.evidence[best]
            if len(more) > 1 and float(more.mean()) > MEAN * float(more.std()) / math.sqrt(len(more)):
                best = name
        return best


class Gap(NamedTuple):
    """One of the gaps."""

    value: Tensor  # Float[Tensor, "N"]
    noise: Tensor  # Float[Tensor, "N"]: the standard error of a point's own value
    known: Tensor  # Bool[Tensor, "N"]: where its q* has converged; True everywhere if it needs no q*
    left: Tensor  # Float[Tensor, "N"]: what that search leaves to gain

    def error(self) -> float:
        """The standard error of the mean over the known points; what is left to gain is added to it in quadrature."""
        value, left = self.value[self.known].double(), float(self.left[self.known].double().mean())
        return math.hypot(float(value.std()) / math.sqrt(len(value)), max(left, 0.0))


def gaps(estimates: GapEstimates, log_p: Tensor, richer: str) -> dict[Metric, Gap]:
    """Every gap by its metric.

    Args:
        estimates: of q, q*, and the richer family's q* where there is one.
        log_p: log p̂, Float[Tensor, "N"].
        richer: the name of that family; empty where there is none.
    """
    mean, error = estimates.rewards.mean, estimates.rewards.error
    known, left = estimates.converged[OPTIMAL], estimates.left
    found = {
        APPROXIMATION_GAP: Gap(log_p - mean[OPTIMAL], error(OPTIMAL), known, left[OPTIMAL]),
        AMORTIZATION_GAP: Gap(mean[OPTIMAL] - mean[OWN], error(OPTIMAL, OWN), known, left[OPTIMAL]),
        INFERENCE_GAP: Gap(log_p - mean[OWN], error(OWN), known, left[OWN]),
    }
    if len(mean) > RICHER:
        found[approximation_gap(richer)] = Gap(
            log_p - mean[RICHER], error(RICHER), estimates.converged[RICHER], left[RICHER]
        )
    return found


def below_zero(gap: Gap, rounding: float) -> str:
    """Says where a gap is negative by more than its error; empty if it is not.

    Args:
        gap: the gap; an exact gap is never negative.
        rounding: the allowed rounding error in nats.
    """
    value, noise = gap.value[gap.known], gap.noise[gap.known]
    said = []
    if len(value) > 1:
        mean, error = float(value.mean()), gap.error()
        if mean < -MEAN * error - rounding:
            said.append(f"on average ({mean:.3f} ± {error:.3f})")
    below = value < -POINT * noise - rounding
    if below.any():
        said.append(f"at {int(below.sum()):,} of {len(value):,} points (down to {float(value.min()):.3f})")
    return " and ".join(said)


def joined(parts: Sequence[GapEstimates]) -> GapEstimates:
    """Concatenates the estimates of all parts."""
    first = parts[0]
    return GapEstimates(
        torch.cat([part.x for part in parts]),
        [torch.cat(phis) for phis in zip(*(part.phis for part in parts), strict=True)],
        RewardMeans(*(torch.cat(field, -1) for field in zip(*(part.rewards for part in parts), strict=True))),
        torch.cat([part.converged for part in parts], 1),
        torch.cat([part.left for part in parts], 1),
        {name: torch.cat([part.evidence[name] for part in parts]) for name in first.evidence},
    )

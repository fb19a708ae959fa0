"""Closed-form variances of gradient estimators."""

import math
from collections.abc import Callable, Mapping

Bit = Callable[[float, float, float], float]
"""(r(0), r(1), logit) ↦ the variance of the gradient in the logit, of an ELBO of one bit."""


def score_function(r0: float, r1: float, logit: float) -> float:
    """p(1 − p)(r₁²(1 − p) + r₀²p) − (p(1 − p)Δ)²: REINFORCE."""
    p = sigmoid(logit)
    return p * (1 - p) * (r1**2 * (1 - p) + r0**2 * p) - (p * (1 - p) * (r1 - r0)) ** 2


def leave_one_out(r0: float, r1: float, logit: float) -> float:
    """Δ²p(1 − p)(½ − p(1 − p)): two samples, each the baseline of the other."""
    pq = sigmoid(logit) * sigmoid(-logit)
    return (r1 - r0) ** 2 * pq * (0.5 - pq)


def arm(r0: float, r1: float, logit: float) -> float:
    """Δ²[⅔(⅛ − (σ(|φ|) − ½)³) − (p(1 − p))²]: the integral of (u − ½)² over the u whose two bits differ."""
    larger = sigmoid(abs(logit))
    return (r1 - r0) ** 2 * (2 / 3 * (1 / 8 - (larger - 0.5) ** 3) - (larger * (1 - larger)) ** 2)


def disarm(r0: float, r1: float, logit: float) -> float:
    """Δ²p(1 − p)(½σ(|φ|) − p(1 − p)): ½Δσ(|φ|) with probability 2σ(−|φ|)."""
    larger = sigmoid(abs(logit))
    return (r1 - r0) ** 2 * larger * (1 - larger) * (0.5 * larger - larger * (1 - larger))


def sigmoid(logit: float) -> float:
    """1 / (1 + e^−logit)."""
    return 1 / (1 + math.exp(-logit))


BITS: Mapping[str, tuple[int, Bit]] = {
    "score/none": (1, score_function),
    "score/leave_one_out": (2, leave_one_out),
    "arm": (1, arm),
    "disarm": (1, disarm),
    "enumerate": (1, lambda r0, r1, logit: 0.0),
}
"""By method: K, and the variance as a function of (r(0), r(1), logit)."""

NORMALS: Mapping[str, tuple[int, Callable[[float], tuple[float, float]]]] = {
    "reparam": (1, lambda v: (1 / v, 2.0)),
    "analytic_kl": (1, lambda v: ((1 / v - 1) ** 2 * v, 2 * (1 - v) ** 2)),
    "doubly_reparam": (1, lambda v: (0.0, 0.0)),
    "score/leave_one_out": (2, lambda v: (0.0, 0.0)),
}
"""By method: K, and the variances of the gradients in μ and log σ at q = p(z given x) = N(m, v)."""

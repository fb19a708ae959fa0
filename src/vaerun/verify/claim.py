"""A claim: a property of a method, the measured value, and whether the claim holds."""

import math
from typing import NamedTuple

from torch import Tensor

from vaerun.config.trust import place_in, trusted

THRESHOLD = 7.0
"""A claim fails if |z| is larger. The probability of this by chance is 2.6e-12 per coordinate, below 1e-6 per run."""

EXACT = 1e-8
"""The allowed rounding error in float64, relative to 1 + |truth|."""


class Claim(NamedTuple):
    """One statement about one method on one problem."""

    method: str  # such as "score/leave_one_out"
    problem: str
    claimed: str
    measured: str
    z: float | None  # in standard errors, for claims about random estimates
    error: float | None  # for claims without randomness
    holds: bool | None  # None: it could not be checked on this problem
    strain: float = 0.0  # the z-score or error divided by the allowed one; the claim with the largest is shown


def within(
    method: str, problem: str, claimed: str, *, error: float, allowed: float = EXACT, measured: str = ""
) -> Claim:
    """The claim that an error is at most ``allowed``."""
    holds = error <= allowed  # nan counts as an infinite error
    return Claim(method, problem, claimed, measured, None, error, holds, error / allowed if allowed else error)


def by_chance(method: str, problem: str, claimed: str, *, z: float, measured: str = "") -> Claim:
    """The claim that a z-score is at most ``THRESHOLD``."""
    return Claim(method, problem, claimed, measured, z, None, z <= THRESHOLD, z / THRESHOLD)


def seen(method: str, problem: str, claimed: str, *, z: float, unseen: str) -> Claim:
    """The claim that a difference exists: its z-score is above ``THRESHOLD``."""
    return Claim(method, problem, claimed, "" if z > THRESHOLD else unseen, z, None, z > THRESHOLD)


def raised(method: str, problem: str, error: Exception) -> Claim:
    """The failed claim of a method that raised an exception."""
    text = " ".join(str(error).split())
    place = place_in(error, trusted())
    measured = f"raised {type(error).__name__}: {text}" + (f" ({place})" if place else "")
    return Claim(method, problem, "runs", measured, None, None, False, math.inf)


def left_out(method: str, problem: str, why: object) -> Claim:
    """A claim that is left out, because the method cannot be checked on this problem."""
    return Claim(method, problem, "", str(why), None, None, None)


def z_scores(mean: Tensor, error: Tensor, truth: Tensor, slack: Tensor | float = 0.0, *, freedom: int) -> Tensor:
    """z-scores of mean − truth, after ``slack`` is subtracted from |mean − truth|; all have the shape of the truth.

    A t value with ``freedom`` degrees of freedom is converted to the z of equal probability. The allowed rounding error
    is part of the slack: an estimate without variance has z = 0 if it is exact, and a huge z if it is not.

    Reference: Wallace 1959, Bounds on normal approximations to Student's and the chi-square distributions.
    """
    off = ((mean - truth).abs() - slack - EXACT * (1 + truth.abs())).clamp(min=0)
    t = off / error.clamp(min=1e-30)
    z = (8 * freedom + 1) / (8 * freedom + 3) * (freedom * (t.square() / freedom).log1p()).sqrt()
    return z.nan_to_num(nan=math.inf)  # values that are not finite are wrong

"""One property that a method claims, what was measured, and whether the two agree."""

import math
from typing import NamedTuple

from torch import Tensor

THRESHOLD = 7.0
"""The |z| above which a claim fails: by chance with probability 2.6e-12 a coordinate, below 1e-6 for a whole run."""

EXACT = 1e-8
"""What rounding may do to a double, relative to 1 + |truth|."""


class Claim(NamedTuple):
    """One statement about one method on one problem."""

    method: str  # such as "score/leave_one_out"
    problem: str
    claimed: str
    measured: str
    z: float | None  # in standard errors, where chance has a part
    error: float | None  # where none has
    holds: bool | None  # None: it could not be tried here, which says nothing of it
    strain: float = 0.0  # the z-score or error as a part of what is allowed: of several, the largest is shown


def within(
    method: str, problem: str, claimed: str, *, error: float, allowed: float = EXACT, measured: str = ""
) -> Claim:
    """The claim that an error is at most what is allowed."""
    holds = error <= allowed  # not a number is no error that is allowed
    return Claim(method, problem, claimed, measured, None, error, holds, error / allowed if allowed else error)


def by_chance(method: str, problem: str, claimed: str, *, z: float, measured: str = "") -> Claim:
    """The claim that a z-score is at most ``THRESHOLD``."""
    return Claim(method, problem, claimed, measured, z, None, z <= THRESHOLD, z / THRESHOLD)


def seen(method: str, problem: str, claimed: str, *, z: float, unseen: str) -> Claim:
    """The claim that a difference exists: its z-score is above ``THRESHOLD``."""
    return Claim(method, problem, claimed, "" if z > THRESHOLD else unseen, z, None, z > THRESHOLD)


def raised(method: str, problem: str, error: Exception) -> Claim:
    """The failure of a method that cannot even be run."""
    text = " ".join(str(error).split())
    return Claim(method, problem, "runs", f"raised {type(error).__name__}: {text}", None, None, False, math.inf)


def left_out(method: str, problem: str, why: object) -> Claim:
    """No claim: the method cannot be checked on this problem."""
    return Claim(method, problem, "", str(why), None, None, None)


def z_scores(mean: Tensor, error: Tensor, truth: Tensor, slack: Tensor | float = 0.0, *, freedom: int) -> Tensor:
    """|mean − truth| beyond ``slack`` in standard errors, as a normal deviate: all of the truth's shape.

    t with ``freedom`` degrees becomes the z that is as unlikely. Rounding counts as slack, so an estimate without
    variance has z = 0 where it is exact, and is as good as infinitely far off where it is not.

    Reference: Wallace 1959, Bounds on normal approximations to Student's and the chi-square distributions.
    """
    off = ((mean - truth).abs() - slack - EXACT * (1 + truth.abs())).clamp(min=0)
    t = off / error.clamp(min=1e-30)
    z = (8 * freedom + 1) / (8 * freedom + 3) * (freedom * (t.square() / freedom).log1p()).sqrt()
    return z.nan_to_num(nan=math.inf)  # what is not finite is not right

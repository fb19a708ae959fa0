"""E_q[r] and log E_q[e^r] of several q at the same points, with common random numbers, and their covariance."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from vaerun.bound.bound import Bound
from vaerun.errors import UserError
from vaerun.estimator.enumerate import Enumerate
from vaerun.evaluation.chunks import TOGETHER, chunks
from vaerun.execution.memory import rows_at_once
from vaerun.execution.random_state import isolated
from vaerun.objective.elbo import ELBO
from vaerun.posterior.base import Enumerable
from vaerun.schedule.constant import Constant


class RewardMeans(NamedTuple):
    """Means of K rewards of each of Q posteriors at B points, in float64."""

    mean: Tensor  # Float[Tensor, "Q B"]: L[q], the ELBO
    covariance: Tensor  # Float[Tensor, "Q Q B"]: of the noise of these means
    log_mean: Tensor  # Float[Tensor, "Q B"]: log (1/K) Σ_k e^{r_k}, the importance-weighted bound

    def error(self, one: int, other: int | None = None) -> Tensor:
        """The standard error of a mean, or of the difference of two, Float[Tensor, "B"]."""
        c = self.covariance
        variance = c[one, one] if other is None else c[one, one] + c[other, other] - 2 * c[one, other]
        return variance.clamp(min=0).sqrt()


def draw(bounds: Sequence[Bound], x: Tensor, phis: Sequence[Tensor], num_samples: int) -> RewardMeans:
    """Means over K hard samples of each q, in chunks; where z has few values the ELBO is the exact sum over them.

    Args:
        bounds: over one model, each with the family of its q.
        x: Float[Tensor, "B X"].
        phis: of each bound, Float[Tensor, "B P"].
        num_samples: K, 2 or more.
    """
    parts = [
        _draw(bounds, some, phi, num_samples, len(x))
        for some, *phi in zip(x.split(TOGETHER), *(phi.split(TOGETHER) for phi in phis), strict=True)
    ]
    drawn = RewardMeans(*(torch.cat(field, -1) for field in zip(*parts, strict=True)))
    for q, (bound, phi) in enumerate(zip(bounds, phis, strict=True)):
        listed = by_listing(bound)
        if listed is not None:
            drawn.mean[q] = summed(listed, x, phi)
            drawn.covariance[q, :] = drawn.covariance[:, q] = 0
    return drawn


def _draw(bounds: Sequence[Bound], x: Tensor, phis: Sequence[Tensor], num_samples: int, points: int) -> RewardMeans:
    log_sums, totals, squares = [], [], []
    shift: Tensor | None = None
    for chunk in chunks(x, num_samples, points):
        seed = int(torch.randint(2**62, ()))
        rewards = []
        for bound, phi in zip(bounds, phis, strict=True):
            with isolated(seed, x.device):
                rewards.append(bound.rewards(x, phi, chunk.size, calls=chunk.calls).double())
        r = torch.stack(rewards)
        log_sums.append(r.logsumexp(1))
        # Squares of what is far from 0 would cancel.
        shift = r.mean(1, keepdim=True) if shift is None else shift
        totals.append((r - shift).sum(1))
        squares.append(torch.einsum("pkb,qkb->pqb", r - shift, r - shift))
    assert shift is not None
    mean = torch.stack(totals).sum(0) / num_samples
    second = torch.stack(squares).sum(0) - num_samples * mean.unsqueeze(1) * mean.unsqueeze(0)
    log_mean = torch.stack(log_sums).logsumexp(0) - math.log(num_samples)
    return RewardMeans(shift.squeeze(1) + mean, second / (num_samples * (num_samples - 1)), log_mean)


def by_listing(bound: Bound) -> Bound | None:
    """The ELBO as a sum over all z; None where z is not discrete or has too many values."""
    if not issubclass(bound.family.posterior, Enumerable):
        return None
    objective = ELBO(num_samples=1, kl_weight=Constant(1.0))
    try:
        listed = Bound(model=bound.model, family=bound.family, objective=objective, estimator=Enumerate())
    except UserError:
        return None
    return listed.eval()


def summed(listed: Bound, x: Tensor, phi: Tensor) -> Tensor:
    """The ELBO of every point without noise, Float[Tensor, "B"]."""
    size = max(1, rows_at_once(x) // listed.decodes)
    return torch.cat([listed(*some).value for some in zip(x.split(size), phi.split(size), strict=True)]).double()

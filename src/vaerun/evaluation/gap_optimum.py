"""φ* ≈ argmax_φ E_q[log p_θ(x, z) − log q(z; φ)] from several starts, and whether the ascent converged."""

from typing import NamedTuple

import torch
from torch import Tensor

from vaerun.bound.bound import Bound
from vaerun.bound.lowest_variance import lowest_variance_elbo
from vaerun.evaluation.ascent import FOUND, Left, ascend, best, left_to_gain, pick
from vaerun.local.optimizer.adam import LocalAdam
from vaerun.posterior.base import Family, Posterior

JITTER = 0.5  # standard deviation of random starts around the strategy's φ
COARSE = 8  # samples for each step of the first ascents
FINE = 32  # samples for each step of the last ascent
POLISH = (1.0, 0.5, 1.0, 0.5, 1.0, 0.5)  # lengths of the last steps, in natural-gradient steps
JUDGES = 256  # samples that choose among the candidates
STAGES = ((150, 0.1), (100, 0.01), (100, 0.001))  # steps and learning rates of a conversion
CONVERSION = 64  # samples of such a step


class Optimum(NamedTuple):
    """The result of the best ascent of every point."""

    phi: Tensor  # Float[Tensor, "B P"]
    converged: Tensor  # Bool[Tensor, "B"]: whether hardly anything is left to gain
    left: Tensor  # Float[Tensor, "B"]: what is left to gain in nats, an unbiased estimate for a quadratic bound


def optimum(bound: Bound, x: Tensor, known: Tensor, starts: int, max_steps: int) -> Optimum:
    """φ* of every point: the best of several ascents, followed by one with more samples and shorter steps.

    The ascents start at ``known``, at the family's initial φ, and at random places near ``known``, ``starts`` in all.
    Their results and ``known`` itself are compared on fresh draws, so that φ* is worse than ``known`` by no more than
    the noise of these draws. What is left to gain is estimated with new gradients at φ*; a point has converged if it is
    small, noise included.

    Args:
        bound: whose model and family they are.
        x: Float[Tensor, "B X"].
        known: a φ of every point, Float[Tensor, "B P"].
        starts: how many, 1 or more.
        max_steps: the limit of each ascent.
    """
    coarse, fine = (lowest_variance_elbo(bound, family=bound.family, num_samples=k) for k in (COARSE, FINE))
    initial = bound.family.initial().to(known).expand_as(known)
    scattered = [known + JITTER * torch.randn_like(known) for _ in range(starts - 2)]
    begun = [known, initial, *scattered][:starts]
    ends = ascend(coarse, x.repeat(len(begun), 1), torch.cat(begun), max_steps, tolerance=FOUND).phi
    results = ends.chunk(len(begun))
    top = pick(results, best(bound, x, results, JUDGES))
    last = ascend(fine, x, top, max_steps)
    found = [last.phi, top, known]
    return polished(fine, x, pick(found, best(bound, x, found, JUDGES)))


def polished(bound: Bound, x: Tensor, phi: Tensor) -> Optimum:
    """φ after a few steps φ + F⁻¹g with averaged gradients g, each kept where less is left to gain after it."""
    times = len(POLISH) + 2
    left = left_to_gain(bound, x, phi, times=times)
    for length in POLISH:
        moved = phi + length * left.step
        then = left_to_gain(bound, x, moved, times=times)
        better = then.upper < left.upper
        phi = torch.where(better.unsqueeze(1), moved, phi)
        step = torch.where(better.unsqueeze(1), then.step, left.step)
        left = Left(left.unbiased, torch.minimum(then.upper, left.upper), step)
    left = left_to_gain(bound, x, phi, times=times)  # anew, because the smallest of several estimates is too small
    return Optimum(phi, left.upper < FOUND, left.unbiased)


def converted(q: Posterior, family: Family, like: Tensor) -> Tensor:
    """argmax_φ E_q[log q′(z; φ)]: the φ of another family that is nearest to q in KL(q ‖ q′), Float[Tensor, "B P"].

    If the family contains q, an ascent that starts there starts at q.

    Args:
        q: of B points.
        family: φ ↦ q′.
        like: whose type and device φ has, Float[Tensor, "B …"].
    """
    initial = family.initial().to(like).expand(len(like), -1)
    phi = initial
    for steps, learning_rate in STAGES:
        rows = LocalAdam(learning_rate=learning_rate)
        state = rows.init(phi)
        for _ in range(steps):
            z = q.sample(CONVERSION)
            with torch.enable_grad():
                leaf = phi.detach().requires_grad_()
                (gradient,) = torch.autograd.grad(family(leaf).log_prob(z).mean(0).sum(), leaf)
            step, state = rows.update(gradient, state, family.scale(phi))
            phi = phi + step
    return torch.where(phi.isfinite().all(1, keepdim=True), phi, initial)

"""φ* ≈ argmax_φ E_q[log p_θ(x, z) − log q(z; φ)] at fixed θ: the φ of the best ELBO, whatever was trained."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from vaerun.bound.bound import Bound
from vaerun.bound.value_and_grad import PhiGradient
from vaerun.execution.memory import rows_at_once
from vaerun.execution.random_state import isolated
from vaerun.local.optimizer.base import LocalOptimizer
from vaerun.local.optimizer.natural import LocalNatural
from vaerun.local.solver import LocalSolver, Solution

CLOSE = 0.0003  # nats left to gain at which a point stops; training needs less accuracy than a reported figure
NATURAL = LocalNatural()  # one object, so that ascents share their compiled programs
FOUND = 0.05  # nats left to gain below which a point has converged, though noise may have kept it from stopping


def ascend(
    bound: Bound,
    x: Tensor,
    phi: Tensor,
    max_steps: int,
    *,
    optimizer: LocalOptimizer | None = None,
    tolerance: float = CLOSE,
) -> Solution:
    """φ after at most ``max_steps`` ascent steps at fixed θ. A point stops when little is left to gain.

    Points are processed in groups that fit into memory; no point affects another.

    Args:
        bound: L, as ``lowest_variance_elbo`` makes it.
        x: Float[Tensor, "B X"].
        phi: where to start, Float[Tensor, "B P"].
        max_steps: the limit for each point, checked after every 20 steps.
        optimizer: of each point; natural gradients by default.
        tolerance: nats; a point with less left to gain stops.

    Returns:
        A solution whose ``converged`` says where less than 0.05 nat is left to gain, whatever the tolerance.
    """
    solver = LocalSolver(bound=bound, optimizer=optimizer or NATURAL, tolerance=tolerance)
    size = max(1, rows_at_once(x) // bound.decodes)
    parts = [
        solver(some, start, solver.optimizer.init(start), max_steps=max_steps)
        for some, start in zip(x.split(size), phi.split(size), strict=True)
    ]
    state = type(parts[0].state)(*(torch.cat(field) for field in zip(*(part.state for part in parts), strict=True)))
    left = torch.cat([part.left for part in parts])
    return Solution(
        torch.cat([part.phi for part in parts]),
        state,
        torch.cat([part.steps for part in parts]),
        left < FOUND,
        left,
        sum(part.decoder_evaluations for part in parts),
    )


class Left(NamedTuple):
    """What is left to gain, ½ gᵀF⁻¹g nats with g = ∇_φ L: how far L[q] is below its maximum if its curvature is F."""

    unbiased: Tensor  # Float[Tensor, "B"]: below 0 by chance where hardly anything is left
    upper: Tensor  # Float[Tensor, "B"]: with the noise of the mean gradient, so rather too large
    step: Tensor  # Float[Tensor, "B P"]: F⁻¹g, which leads to that maximum


def left_to_gain(bound: Bound, x: Tensor, phi: Tensor, gradients: int = 16, *, times: int = 1) -> Left:
    """What is left to gain at ``phi``, from new gradients; F is the Fisher information of q.

    Args:
        bound: L.
        x: Float[Tensor, "B X"].
        phi: Float[Tensor, "B P"].
        gradients: number of independent estimates of g, 2 or more.
        times: how often the caller asks for as many points.
    """
    parts = []
    size, gradient = max(1, rows_at_once(x) // bound.decodes), PhiGradient.of(bound)
    for some, part in zip(x.split(size), phi.split(size), strict=True):
        inverse_fisher = bound.family.inverse_fisher(part)
        calls = times * gradients * (len(x) // size) if len(some) == size else 1
        g = torch.stack([bound.evaluated(gradient, some, part, calls=calls) for _ in range(gradients)])
        mean = g.mean(0)
        noise = (inverse_fisher * (g - mean).square()).sum(-1).sum(0) / (gradients * (gradients - 1))
        square = (inverse_fisher * mean.square()).sum(-1)
        parts.append(Left(0.5 * (square - noise), 0.5 * square, inverse_fisher * mean))
    return Left(*(torch.cat(field) for field in zip(*parts, strict=True)))


def elbo(bound: Bound, x: Tensor, phi: Tensor, num_samples: int, seed: int) -> Tensor:
    """The ELBO of every point with K samples of q, Float[Tensor, "B"]; the noise depends on the seed only.

    With one seed, several φ are evaluated with the same noise, so their difference has a smaller standard error.
    """
    size = max(1, rows_at_once(x) // num_samples)
    with isolated(seed, x.device):
        return torch.cat(
            [
                bound.rewards(some, part, num_samples, calls=len(x) // size if len(some) == size else 1).mean(0)
                for some, part in zip(x.split(size), phi.split(size), strict=True)
            ]
        )


def best(bound: Bound, x: Tensor, candidates: Sequence[Tensor], num_samples: int = 64) -> Tensor:
    """The index of the candidate φ with the highest ELBO, for each point, Int[Tensor, "B"].

    All candidates are evaluated with the same new samples. These must not be used again for a metric, because the
    highest value is biased upwards.
    """
    seed = int(torch.randint(2**62, ()))
    return torch.stack([elbo(bound, x, phi, num_samples, seed) for phi in candidates]).argmax(0)


def pick(candidates: Sequence[Tensor], places: Tensor) -> Tensor:
    """For each point, the row of the candidate (each Float[Tensor, "B …"]) that its place (Int[Tensor, "B"]) names."""
    return torch.stack(list(candidates))[places, torch.arange(len(places), device=places.device)]

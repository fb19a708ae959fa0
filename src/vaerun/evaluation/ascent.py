"""φ* ≈ argmax_φ E_q[log p_θ(x, z) − log q(z; φ)] at fixed θ: the φ of the best ELBO, whatever was trained."""

from collections.abc import Sequence

import torch
from torch import Tensor

from vaerun.bound.bound import Bound
from vaerun.execution.memory import rows_at_once
from vaerun.execution.random_state import isolated
from vaerun.local.optimizer.adam import LocalAdam
from vaerun.local.solver import LocalSolver, Solution


def ascend(bound: Bound, x: Tensor, phi: Tensor, max_steps: int, *, learning_rate: float = 0.1) -> Solution:
    """φ after at most ``max_steps`` ascent steps at fixed θ. A point stops when its bound no longer rises.

    Points are processed in groups that fit into memory; no point affects another.

    Args:
        bound: L, as ``lowest_variance_elbo`` makes it.
        x: Float[Tensor, "B X"].
        phi: where to start, Float[Tensor, "B P"].
        max_steps: the limit for each point, checked after every 20 steps.
        learning_rate: of Adam for each point; it is reduced when the bound of a point no longer rises.
    """
    solver = LocalSolver(bound=bound, optimizer=LocalAdam(learning_rate=learning_rate))
    size = max(1, rows_at_once(x) // bound.decodes)
    parts = [
        solver(some, start, solver.optimizer.init(start), max_steps=max_steps)
        for some, start in zip(x.split(size), phi.split(size), strict=True)
    ]
    state = type(parts[0].state)(*(torch.cat(field) for field in zip(*(part.state for part in parts), strict=True)))
    return Solution(
        torch.cat([part.phi for part in parts]),
        state,
        torch.cat([part.steps for part in parts]),
        torch.cat([part.converged for part in parts]),
        sum(part.decoder_evaluations for part in parts),
    )


def elbo(bound: Bound, x: Tensor, phi: Tensor, num_samples: int, seed: int) -> Tensor:
    """The ELBO of every point with K samples of q, Float[Tensor, "B"]; the noise depends on the seed only.

    With one seed, several φ are evaluated with the same noise, so their difference has a smaller standard error.
    """
    size = max(1, rows_at_once(x) // num_samples)
    with isolated(seed, x.device):
        return torch.cat(
            [
                bound.rewards(some, part, num_samples).mean(0)
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

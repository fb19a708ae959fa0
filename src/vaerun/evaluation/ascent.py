"""φ* ≈ argmax_φ E_q[log p_θ(x, z) − log q(z; φ)] at fixed θ: the ELBO's, whatever was trained."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from vaerun.bound import Bound
from vaerun.errors import UserError
from vaerun.estimator.base import Estimator
from vaerun.estimator.baseline.leave_one_out import LeaveOneOut
from vaerun.estimator.disarm import DisARM
from vaerun.estimator.doubly_reparam import DoublyReparam
from vaerun.estimator.enumerate import Enumerate
from vaerun.estimator.reparam import Reparam
from vaerun.estimator.score import Score
from vaerun.estimator.stratified import StratifiedReparam
from vaerun.evaluation.chunk import rows_at_once
from vaerun.local.row_optimizer.adam import RowAdam
from vaerun.local.solver import LocalSolver, Solution
from vaerun.objective.elbo import ELBO
from vaerun.posterior.base import ClosedFormMean, Family, Posterior
from vaerun.schedule.constant import Constant
from vaerun.trainer.seed import isolated

ESTIMATORS: Sequence[tuple[type[Posterior], Callable[[], Estimator]]] = (
    (Posterior, Enumerate),
    (Posterior, StratifiedReparam),
    # Near p(z given x) it is almost without noise, but asks for log q at a given z: of a flow, the inverse.
    (ClosedFormMean, DoublyReparam),
    (Posterior, Reparam),
    (Posterior, DisARM),
    (Posterior, lambda: Score(baseline=LeaveOneOut())),
)
"""Estimators of the ELBO's gradient, all unbiased, those of less variance first, and the q for which they pay.

What an estimator needs of q it says itself; the last serves every q.
"""

COSTLY = 16  # times the decoder evaluations of K samples: what no reduction of variance is worth


def elbo_bound(bound: Bound, *, family: Family | None = None, num_samples: int = 16) -> Bound:
    """E_q[log p_θ(x, z) − log q(z; φ)] at KL weight 1 over the same θ, with the best estimator that q allows.

    What was trained (an importance-weighted bound, a KL weight, free bits; by whatever estimator) has no part in it, so
    that a φ sought for a figure is sought in the same way for every run.

    Args:
        bound: whose model and family are taken, not copied.
        family: of another q, in place of the bound's own.
        num_samples: K, 2 or more: of a step, not of a figure.

    Raises:
        UserError: K < 2, of which the last resort, leave-one-out, has need; or q and prior are over other blocks.
    """
    if num_samples < 2:
        raise UserError(f"num_samples={num_samples}, but an ascent in φ compares samples: give 2 or more.")
    family = bound.family if family is None else family
    device = next(bound.model.parameters()).device
    refusal = UserError("no estimator")
    for pays, make in ESTIMATORS:
        if not issubclass(family.posterior, pays):
            continue
        objective = ELBO(num_samples=num_samples, kl_weight=Constant(1.0))
        try:
            made = Bound(model=bound.model, family=family, objective=objective, estimator=make())
        except UserError as error:  # the estimator asks more of q than it has
            refusal = error
            continue
        if made.decodes <= COSTLY * num_samples:
            return made.to(device).train(bound.training)
    raise refusal  # even the score function, which serves every q: q and prior do not fit


def ascend(bound: Bound, x: Tensor, phi: Tensor, max_steps: int, *, learning_rate: float = 0.1) -> Solution:
    """φ after at most ``max_steps`` steps uphill, each point stopping when it no longer gains; θ stays as it is.

    Points are taken as many at a time as memory should hold, and none moves another.

    Args:
        bound: L, as ``elbo_bound`` makes it.
        x: Float[Tensor, "B X"].
        phi: where to start, Float[Tensor, "B P"].
        max_steps: the limit of each point; the solver takes them in windows of 20.
        learning_rate: of Adam, row by row; it is cut when a point no longer gains.
    """
    solver = LocalSolver(bound=bound, row_optimizer=RowAdam(learning_rate=learning_rate))
    size = max(1, rows_at_once(x) // bound.decodes)
    parts = [
        solver(some, start, solver.row_optimizer.init(start), max_steps=max_steps)
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
    """The ELBO of every point at K hard samples, Float[Tensor, "B"], with noise that the seed decides.

    At one seed the figures of several φ have it in common, so that differences are known better than either.
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
    """Of several φ for each point the one of the highest ELBO, Int[Tensor, "B"]: its place among the candidates.

    Judged on fresh samples that all candidates have in common. They must not be used again for a figure: the winner's
    own would be too high.
    """
    seed = int(torch.randint(2**62, ()))
    return torch.stack([elbo(bound, x, phi, num_samples, seed) for phi in candidates]).argmax(0)


def pick(candidates: Sequence[Tensor], places: Tensor) -> Tensor:
    """The rows of the candidates, each Float[Tensor, "B …"], at each point's place, Int[Tensor, "B"]."""
    return torch.stack(list(candidates))[places, torch.arange(len(places), device=places.device)]

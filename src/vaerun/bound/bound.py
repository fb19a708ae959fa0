"""L(x; θ, φ) = E_{q(z; φ)}[J(r(z_1), …, r(z_K))]: the one differentiable function."""

import torch
from torch import Tensor, nn

from vaerun.config.legality import clashes
from vaerun.config.part import parts_of_objects
from vaerun.errors import UserError
from vaerun.estimator.base import Estimator, evaluate
from vaerun.execution.engine.base import Engine
from vaerun.execution.engine.eager import Eager
from vaerun.execution.memory import rows_at_once
from vaerun.model.base import Model
from vaerun.notation import Estimate, Terms
from vaerun.objective.base import Objective
from vaerun.posterior.base import Family


class Bound(nn.Module):
    """L(x; θ, φ) = E_q[J(r)]: what training differentiates and every evaluation reads.

    Args:
        model: p_θ(x, z).
        family: φ ↦ q(z; φ).
        objective: J.
        estimator: how the gradient of the expectation is estimated.
        engine: how its gradients are executed.

    Raises:
        UserError: the estimator is not valid for the objective, or asks more of q than the family has.
    """

    def __init__(
        self,
        *,
        model: Model,
        family: Family,
        objective: Objective,
        estimator: Estimator,
        engine: Engine | None = None,
    ) -> None:
        super().__init__()
        refuse_unfit(model, family, objective, estimator)
        self.model = model
        self.family = family
        self.objective = objective
        self.estimator = estimator
        self.engine = Eager() if engine is None else engine
        self.decodes = estimator.decodes(objective.num_samples, family)  # decoder evaluations of a call, per point

    def forward(self, x: Tensor, phi: Tensor) -> Estimate:
        """One estimate per point: Float[Tensor, "B X"], Float[Tensor, "B P"] ↦ Estimate over B, in nats per datum."""
        estimate = self.estimator(self.family(phi), self.model, self.objective, x)
        self.objective.watch(estimate.kl)
        return estimate

    @torch.no_grad()
    def terms(self, x: Tensor, phi: Tensor, k: int) -> Terms:
        """The terms of r at k hard samples of the true q, each Float[Tensor, "K B"], without gradient.

        What every evaluation reads: no relaxation, no KL weight and no estimator has a part in it.
        """
        q = self.family(phi)
        z = q.sample(k)
        return in_parts(self.model, x, z, q.log_prob(z))

    def rewards(self, x: Tensor, phi: Tensor, k: int) -> Tensor:
        """r = log p_θ(x, z) − log q(z; φ) at k hard samples, Float[Tensor, "K B"], without gradient."""
        terms = self.terms(x, phi, k)
        return terms.log_likelihood + terms.log_prior - terms.log_q


def in_parts(model: Model, x: Tensor, z: Tensor, log_q: Tensor) -> Terms:
    """``evaluate``, which draws nothing, of as many rows at a time as fit."""
    if log_q.numel() <= rows_at_once(x):
        return evaluate(model, x, z, log_q)
    place = 0 if len(z) > 1 else 1
    points = (x, x) if place == 0 else x.chunk(2)
    halves = zip(points, z.chunk(2, place), log_q.chunk(2, place), strict=True)
    return Terms(*(torch.cat(both, place) for both in zip(*(in_parts(model, *half) for half in halves), strict=True)))


def refuse_unfit(model: Model, family: Family, objective: Objective, estimator: Estimator) -> None:
    """Refuses parts that would give a wrong gradient or a wrong bound when put together by hand.

    Raises:
        UserError: which two do not fit, by the rules of ``vaerun.config.legality``.
    """
    inside = {f"estimator/{name}": part for name, part in estimator.named_modules() if name}
    objects = {"model": model, "model/prior": model.prior, "posterior": family, "objective": objective}
    for clash in clashes(parts_of_objects({**objects, "estimator": estimator, **inside})):
        raise UserError(f"{clash.why}.")

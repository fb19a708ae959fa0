"""L(x; θ, φ) = E_{q(z; φ)}[J(r(z_1), …, r(z_K))]: the function that training differentiates."""

import torch
from torch import Tensor, nn

from vaerun.config.legality import clashes
from vaerun.config.part import parts_of_objects
from vaerun.errors import UserError
from vaerun.estimator.base import Estimator, evaluate
from vaerun.execution.engine.base import Engine
from vaerun.execution.engine.eager import Eager
from vaerun.execution.memory import rows_at_once
from vaerun.metric.metric import Metric
from vaerun.model.base import Model
from vaerun.notation import Estimate, Terms
from vaerun.objective.base import Objective
from vaerun.posterior.base import Family


class Bound(nn.Module):
    """L(x; θ, φ) = E_q[J(r)]: training differentiates its estimate, and evaluations use its terms at samples of q.

    Args:
        model: p_θ(x, z).
        family: φ ↦ q(z; φ).
        objective: J.
        estimator: how the gradient of the expectation is estimated.
        engine: executes the gradients.

    Raises:
        UserError: the estimator is not valid for the objective, or q lacks a capability that the estimator needs.
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
        check_parts(model, family, objective, estimator)
        self.model = model
        self.family = family
        self.objective = objective
        self.estimator = estimator
        self.engine = Eager() if engine is None else engine
        self.decodes = estimator.decodes(objective.num_samples, family)  # decoder evaluations per point and call

    def forward(self, x: Tensor, phi: Tensor) -> Estimate:
        """One estimate per point: Float[Tensor, "B X"], Float[Tensor, "B P"] ↦ Estimate over B, in nats per datum."""
        estimate = self.estimator(self.family(phi), self.model, self.objective, x)
        self.objective.record_kl(estimate.kl)
        return estimate

    def metric(self, metric: Metric) -> Metric:
        """The metric as this model reports it: a bound on log p(x) is one only if the likelihood is a density.

        Args:
            metric: a bound, log p(x) itself, or a difference of bounds that is named like them.
        """
        metric = metric.about(self.model.target)
        return metric if self.model.is_density else metric.without_density()

    @torch.no_grad()
    def terms(self, x: Tensor, phi: Tensor, k: int) -> Terms:
        """The terms of r at k samples of q itself, each Float[Tensor, "K B"], without gradient.

        Evaluations use them: they contain no relaxation and no KL weight, and do not depend on the estimator.
        """
        q = self.family(phi)
        z = q.sample(k)
        return evaluate_in_parts(self.model, x, z, q.log_prob(z))

    def rewards(self, x: Tensor, phi: Tensor, k: int) -> Tensor:
        """r = log p_θ(x, z) − log q(z; φ) at k samples of q itself, Float[Tensor, "K B"], without gradient."""
        terms = self.terms(x, phi, k)
        return terms.log_likelihood + terms.log_prior - terms.log_q


def evaluate_in_parts(model: Model, x: Tensor, z: Tensor, log_q: Tensor) -> Terms:
    """The same as ``evaluate``, in parts that fit into memory."""
    if log_q.numel() <= rows_at_once(x):
        return evaluate(model, x, z, log_q)
    place = 0 if len(z) > 1 else 1
    points = (x, x) if place == 0 else x.chunk(2)
    halves = zip(points, z.chunk(2, place), log_q.chunk(2, place), strict=True)
    parts = [evaluate_in_parts(model, *half) for half in halves]
    return Terms(*(torch.cat(both, place) for both in zip(*parts, strict=True)))


def check_parts(model: Model, family: Family, objective: Objective, estimator: Estimator) -> None:
    """Refuses parts that would give a wrong gradient or a wrong bound, also when they are combined in Python.

    Raises:
        UserError: which two do not fit, by the rules of ``vaerun.config.legality``.
    """
    inside = {f"estimator/{name}": part for name, part in estimator.named_modules() if name}
    objects = {"model": model, "model/prior": model.prior, "posterior": family, "objective": objective}
    for clash in clashes(parts_of_objects({**objects, "estimator": estimator, **inside})):
        raise UserError(f"{clash.why}.")

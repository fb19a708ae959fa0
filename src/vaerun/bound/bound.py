"""L(x; θ, φ) = E_{q(z; φ)}[J(r(z_1), …, r(z_K))]: the function that training differentiates."""

import torch
from torch import Tensor, nn

from vaerun.errors import UserError
from vaerun.estimator.base import Estimator, evaluate
from vaerun.estimator.baseline.base import Baseline
from vaerun.execution.engine.base import Engine
from vaerun.execution.engine.eager import Eager
from vaerun.execution.memory import rows_at_once
from vaerun.metric.metric import Metric
from vaerun.model.base import Model
from vaerun.notation import Estimate, Terms
from vaerun.objective.base import Objective
from vaerun.posterior.base import ClosedFormKL, Family


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
        UserError: naming the two parts.
    """
    name, posterior = type(estimator).__name__, family.posterior
    for lacking in {"sample", "log_prob"} & getattr(posterior, "__abstractmethods__", frozenset()):
        raise UserError(
            f"a posterior must define sample and log_prob, but {posterior.__name__} does not define {lacking}: an "
            f"implicit q has no density that can be evaluated."
        )
    if family.block != model.prior.block:
        raise UserError(
            f"posterior.num_classes and model.prior.num_classes must agree, got {family.block} and "
            f"{model.prior.block}: set the first and leave the second out."
        )
    if not isinstance(objective, estimator.serves):
        served = " or ".join(kind.__name__ for kind in estimator.serves)
        raise UserError(
            f"{name} needs an objective of the class {served}, got {type(objective).__name__}: use another estimator."
        )
    inner = [need for part in estimator.modules() if isinstance(part, Baseline) for need in part.needs]
    for need in (*estimator.needs, *inner):
        if not issubclass(posterior, need):
            raise UserError(
                f"{name} needs a posterior of the class {need.__name__}, got {posterior.__name__}: use another "
                f"estimator or posterior."
            )
        if need is ClosedFormKL and issubclass(posterior, ClosedFormKL):
            closed = posterior.closed_form_with
            if not isinstance(model.prior, closed):
                raise UserError(
                    f"{name} needs KL(q ‖ p(z)) in closed form, which {posterior.__name__} has for the prior "
                    f"{' or '.join(prior.__name__ for prior in closed)}, got {type(model.prior).__name__}: use "
                    f"estimator=reparam."
                )

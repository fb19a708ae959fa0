"""∇ J(r(z̃)) with z̃ = soften(φ + ε, τ): the reparameterized gradient of a relaxation."""

import math
from typing import ClassVar

import torch
from torch import Tensor

from vaerun.errors import UserError
from vaerun.estimator.base import Estimator, estimate, evaluate
from vaerun.metric.metric import Chart, Metric
from vaerun.model.base import Model
from vaerun.notation import Estimate
from vaerun.objective.base import Objective
from vaerun.posterior.base import Family, Relaxable
from vaerun.schedule.base import Schedule

RELAXED_OBJECTIVE = Metric(
    "relaxed_objective",
    "not a bound: the objective at the relaxed z, whose gradient is followed",
    "nat",
    chart=Chart("Bounds", "objective at the relaxed z"),
)


class Concrete(Estimator):
    """∇ E_ε[J(r(z̃))], z̃ = soften(φ + ε, τ): the gradient of a continuous relaxation; for bits, z̃ = σ((φ + ε)/τ).

    r(z̃) uses the formulas of the discrete z at continuous values, including the probability masses of prior and q, so
    the trained objective is not a bound on log p(x); it is recorded as ``relaxed_objective``. The reported metrics use
    the discrete z of the same ε, at one more decoder evaluation without gradient. As τ → 0, the bias vanishes and the
    variance grows.

    Args:
        temperature: τ.

    Raises:
        UserError: τ is not positive at its start or end.

    Reference: Maddison, Mnih, Teh 2017, The concrete distribution (there the masses are relaxed to densities, too);
    Jang, Gu, Poole 2017, Categorical reparameterization with Gumbel-softmax (with these terms).
    """

    needs: ClassVar = (Relaxable,)
    metrics: ClassVar[tuple[Metric, ...]] = (RELAXED_OBJECTIVE,)
    unbiased: ClassVar[bool] = False
    twice_differentiable: ClassVar[bool] = True

    def __init__(self, temperature: Schedule) -> None:
        super().__init__()
        first, last = temperature.at(0.0), temperature.at(math.inf)
        if min(first, last) <= 0:
            raise UserError(
                f"estimator.temperature must be > 0 from start to end, got {first:g} at the start, {last:g} at the end."
            )
        self.temperature = temperature

    def decodes(self, num_samples: int, family: Family) -> int:
        return 2 * num_samples

    def forward(self, q: Relaxable, model: Model, objective: Objective, x: Tensor) -> Estimate:  # type: ignore[override]
        g = q.perturb(q.noise(objective.num_samples))
        soft = q.soften(g, self.temperature())
        surrogate = objective(objective.reward(evaluate(model, x, soft, q.log_prob(soft))))
        with torch.no_grad():
            z = q.harden(g)
            terms = evaluate(model, x, z, q.log_prob(z))
            value = objective(objective.reward(terms))
        relaxed = {"relaxed_objective": surrogate.detach()}
        return estimate(value, surrogate, terms)._replace(diagnostics=relaxed)

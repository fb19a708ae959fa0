"""∇ J(r(z)) with ∂z/∂φ replaced by ∂E_q[z]/∂φ."""

from typing import ClassVar

from torch import Tensor

from vaerun.estimator.base import Estimator, estimate, evaluate
from vaerun.model.base import Model
from vaerun.notation import Estimate
from vaerun.objective.base import Objective
from vaerun.posterior.base import Relaxable


class StraightThrough(Estimator):
    """∇_φ J ≈ Σ_k (∂J/∂z_k) ∂E_q[z]/∂φ − β a_k ∇_φ log q(z_k; φ).

    The forward pass uses the discrete z, the backward pass its mean. It is exact if J is linear in z, and otherwise
    biased. ∂J/∂z uses the formulas of the discrete z at continuous values.

    Reference: Bengio, Léonard, Courville 2013, Estimating or propagating gradients through stochastic neurons.
    """

    needs: ClassVar = (Relaxable,)
    unbiased: ClassVar[bool] = False

    def forward(self, q: Relaxable, model: Model, objective: Objective, x: Tensor) -> Estimate:  # type: ignore[override]
        hard, mean = q.sample(objective.num_samples), q.mean()
        z = hard + (mean - mean.detach())
        terms = evaluate(model, x, z, q.frozen().log_prob(z))
        r = objective.reward(terms)
        value = objective(r)
        direct = objective.beta() * objective.score_weight(r.detach())
        return estimate(value, value - (direct * q.log_prob(hard)).sum(0), terms)

"""∇_φ E_q[r] = E_q[(r − r(z̄) − ∂r(z̄)·(z − z̄)) ∇_φ log q(z; φ)] + ∂r(z̄)·∇_φ z̄, z̄ = E_q[z]."""

from typing import ClassVar

import torch
from torch import Tensor

from vaerun.estimator.base import Estimator, estimate, evaluate
from vaerun.estimator.baseline.base import Baseline
from vaerun.model.base import Model
from vaerun.notation import Estimate
from vaerun.objective.average import Average
from vaerun.objective.base import Objective
from vaerun.posterior.base import ClosedFormMean, Family


class MuProp(Estimator):
    """∇_φ E_q[r(z)] = E_q[(r(z) − r(z̄) − ∂r(z̄)·(z − z̄)) ∇_φ log q(z; φ)] + ∂r(z̄)·∇_φ z̄, with z̄ = E_q[z].

    The control variate is the first-order Taylor expansion of the reward at the mean. Its expectation is known in
    closed form: E[∂r(z̄)·(z − z̄) ∇ log q] = ∂r(z̄)·∇ E_q[z]. A baseline can be subtracted from the residual. The
    formulas of likelihood, prior and q are evaluated at z̄ also if z is discrete and z̄ is not one of its values; the
    estimator is unbiased whatever their values are there.

    Args:
        baseline: b_k of the residual credits.

    Reference: Gu et al. 2016, MuProp: unbiased backpropagation for stochastic neural networks, §3.
    """

    needs: ClassVar = (ClosedFormMean,)
    serves: ClassVar = (Average,)

    def __init__(self, baseline: Baseline) -> None:
        super().__init__()
        self.baseline = baseline

    def decodes(self, num_samples: int, family: Family) -> int:
        return num_samples + 1

    def forward(self, q: ClosedFormMean, model: Model, objective: Objective, x: Tensor) -> Estimate:  # type: ignore[override]
        z, mean = q.sample(objective.num_samples), q.mean()
        log_q = q.log_prob(z)
        terms = evaluate(model, x, z, log_q.detach())
        r = objective.reward(terms)
        value = objective(r)
        centre = mean.detach().unsqueeze(0).requires_grad_()
        at_centre = objective.reward(evaluate(model, x, centre, q.log_prob(centre)))
        (slope,) = torch.autograd.grad(at_centre.sum(), centre)
        residual = r.detach() - at_centre.detach() - (slope * (z - centre.detach())).sum(-1)
        credit = objective.credit(residual)
        b = self.baseline(residual, objective, x, q, z)
        advantage = self.baseline.rescale(credit - b.detach())
        surrogate = value + (advantage * log_q).sum(0) + (slope[0] * mean).sum(-1)
        return estimate(value, surrogate, terms, auxiliary=self.baseline.loss(credit, b))

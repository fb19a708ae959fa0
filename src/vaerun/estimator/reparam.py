"""∇ J(r) with z = g(ε; φ)."""

from typing import ClassVar

from torch import Tensor

from vaerun.estimator.base import Estimator, estimate, evaluate
from vaerun.model.base import Model
from vaerun.notation import Estimate
from vaerun.objective.average import Average
from vaerun.objective.base import Objective
from vaerun.posterior.base import Reparameterized


class Reparam(Estimator):
    """∇_φ E_q[J(r)] = E_ε[∇_φ J(r(g(ε; φ)))]: the reparameterization gradient.

    Reference: Kingma, Welling 2014, Auto-encoding variational Bayes, eq. 6; Rezende et al. 2014, eq. 8.
    """

    needs: ClassVar = (Reparameterized,)
    twice_differentiable: ClassVar[bool] = True

    def forward(self, q: Reparameterized, model: Model, objective: Objective, x: Tensor) -> Estimate:  # type: ignore[override]
        z, log_q = q.transport(q.noise(objective.num_samples))
        terms = evaluate(model, x, z, log_q)
        value = objective(objective.reward(terms))
        return estimate(value, value, terms)

    def phi_surrogate(self, q: Reparameterized, model: Model, objective: Objective, x: Tensor) -> Tensor:  # type: ignore[override]
        if not isinstance(objective, Average):  # the weights of others depend on the rewards
            return super().phi_surrogate(q, model, objective, x)
        z, log_q = q.transport(q.noise(objective.num_samples))
        path = (model.likelihood_gradient(x, z) * z).sum(-1)
        return objective(path + objective.beta() * (model.log_prior(z, model.given(x)) - log_q))

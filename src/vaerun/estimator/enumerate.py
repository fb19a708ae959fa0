"""∇ Σ_s q(z_s; φ) r(z_s) over all values z_s."""

from typing import ClassVar

from torch import Tensor

from vaerun.errors import UserError
from vaerun.estimator.base import Estimator, evaluate
from vaerun.model.base import Model
from vaerun.notation import Estimate
from vaerun.objective.average import Average
from vaerun.objective.base import Objective
from vaerun.posterior.base import Enumerable, Family

LIMIT = 4096


class Enumerate(Estimator):
    """L = Σ_s q(z_s; φ) [log p(x given z_s) + β (log p(z_s) − log q(z_s; φ))]: the exact bound.

    Every value of z is decoded, so K has no effect and the gradient has no variance. It is the reference for the other
    estimators, and the best one if z has few values.

    Raises:
        UserError: in ``decodes``, if z has more than 4096 values.

    Reference: Liu et al. 2019, Rao-Blackwellized stochastic gradients for discrete distributions (there, likely values
    are summed and the rest is sampled; here, all values are summed).
    """

    needs: ClassVar = (Enumerable,)
    serves: ClassVar = (Average,)
    ignores: ClassVar[tuple[str, ...]] = ("objective.num_samples",)
    twice_differentiable: ClassVar[bool] = True

    def decodes(self, num_samples: int, family: Family) -> int:
        q = family(family.initial().unsqueeze(0))
        assert isinstance(q, Enumerable)
        if q.support_size > LIMIT:
            raise UserError(
                f"estimator=enumerate decodes every value of z, at most {LIMIT}, got {q.support_size} values of the "
                f"{family.latent_dim} coordinates of z: use fewer of them, by model.latent_dim or, if z has layers, by "
                "model.layers, or an estimator that samples."
            )
        return q.support_size

    def forward(self, q: Enumerable, model: Model, objective: Objective, x: Tensor) -> Estimate:  # type: ignore[override]
        z = q.support()
        log_q = q.log_prob(z)
        terms = evaluate(model, x, z, log_q)
        probability = log_q.exp()
        value = (probability * objective.reward(terms)).sum(0)
        return Estimate(
            value=value.detach(),
            surrogate=value,
            log_likelihood=(probability * terms.log_likelihood).sum(0).detach(),
            kl=(probability * (log_q - terms.log_prior)).sum(0).detach(),
            auxiliary=value.new_zeros(()),
        )

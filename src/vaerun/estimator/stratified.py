"""∇ Σ_m π_m mean_k r(g_m(ε_mk; φ)) for a mixture q = Σ_m π_m q_m."""

from typing import ClassVar

import torch
from torch import Tensor

from vaerun.estimator.base import Estimator, evaluate
from vaerun.model.base import Model
from vaerun.notation import Estimate
from vaerun.objective.average import Average
from vaerun.objective.base import Objective
from vaerun.posterior.base import Family, Stratified


class StratifiedReparam(Estimator):
    """L = Σ_m π_m E_{q_m}[log p(x given z) + β (log p(z) − log q(z))], each stratum reparameterized, q = Σ_m π_m q_m.

    The component is summed over instead of sampled, so the weights π need no score function. Each of the M components
    has K samples, so M K samples are decoded.

    Reference: Morningstar et al. 2021, Automatic differentiation variational inference with mixtures (SELBO).
    """

    needs: ClassVar = (Stratified,)
    serves: ClassVar = (Average,)
    twice_differentiable: ClassVar[bool] = True

    def decodes(self, num_samples: int, family: Family) -> int:
        q = family(family.initial().unsqueeze(0))
        assert isinstance(q, Stratified)
        return num_samples * len(q.strata())

    def forward(self, q: Stratified, model: Model, objective: Objective, x: Tensor) -> Estimate:  # type: ignore[override]
        strata, weights = q.strata(), q.weights()
        z = torch.cat([stratum.transport(stratum.noise(objective.num_samples))[0] for stratum in strata])
        terms = evaluate(model, x, z, q.log_prob(z))

        def mean(values: Tensor) -> Tensor:
            """Σ_m π_m mean_k, Float[Tensor, "M·K B"] ↦ Float[Tensor, "B"]."""
            return (weights * values.unflatten(0, (len(strata), -1)).mean(1)).sum(0)

        value = mean(objective.reward(terms))
        return Estimate(
            value=value.detach(),
            surrogate=value,
            log_likelihood=mean(terms.log_likelihood).detach(),
            kl=mean(terms.log_q - terms.log_prior).detach(),
            auxiliary=value.new_zeros(()),
        )

"""∇ E_q[J(r)] from antithetic pairs of samples: the common part of ARM and DisARM."""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from vaerun.estimator.base import Estimator, estimate, evaluate
from vaerun.model.base import Model
from vaerun.notation import Estimate
from vaerun.objective.base import Objective
from vaerun.posterior.base import Family
from vaerun.posterior.bernoulli import IndependentBernoulli


class Antithetic(Estimator, ABC):
    """∇_φ E_q[J(r)] = E[Σ_k ½ (c_k − c̃_k) · weight(ε_k) − β a_k ∇_φ log q(z_k; φ)], z = 1[φ + ε > 0], z̃ = 1[φ − ε > 0].

    z̃ has the distribution of z, and c̃_k is the credit of sample k with z_k replaced by z̃_k. The other K − 1 samples can
    all be z or all be z̃, and the estimator averages both cases, also in the value, in the gradient of θ and in the term
    with a_k = ∂J/∂r_k, which vanishes for objectives that average the rewards.
    """

    needs: ClassVar = (IndependentBernoulli,)

    def decodes(self, num_samples: int, family: Family) -> int:
        return 2 * num_samples

    @abstractmethod
    def weight(self, noise: Tensor, logits: Tensor) -> Tensor:
        """The weight with E[½ (f(z) − f(z̃)) · weight] = ∇ E[f(z)] in the logits, Float[Tensor, "K B D"]."""

    def forward(self, q: IndependentBernoulli, model: Model, objective: Objective, x: Tensor) -> Estimate:  # type: ignore[override]
        noise = q.noise(objective.num_samples)
        z = torch.cat((q.harden(q.perturb(noise)), q.harden(q.perturb(-noise))))
        log_q = q.log_prob(z)
        terms = evaluate(model, x, z, log_q.detach())
        here, there = objective.reward(terms).chunk(2)
        value = 0.5 * (objective(here) + objective(there))
        r, opposite = here.detach(), there.detach()
        difference = 0.5 * (
            (objective.credit(r) - objective.credit_with(r, opposite))
            + (objective.credit_with(opposite, r) - objective.credit(opposite))
        )
        gradient = (0.5 * difference.unsqueeze(-1) * self.weight(noise, q.logits.detach())).sum(0)
        direct = torch.cat((objective.score_weight(r), objective.score_weight(opposite)))
        surrogate = value + (gradient * q.logits).sum(-1) - 0.5 * objective.beta() * (direct * log_q).sum(0)
        return estimate(value, surrogate, terms)

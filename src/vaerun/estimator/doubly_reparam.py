"""∇_φ J(r) = Σ_k (a_k − β ∂a_k/∂r_k) (∂r_k/∂z_k) ∇_φ g(ε_k; φ): only path derivatives."""

from typing import ClassVar

import torch
from torch import Tensor

from vaerun.estimator.base import Estimator, estimate, evaluate
from vaerun.model.base import Model
from vaerun.notation import Estimate
from vaerun.objective.average import Average
from vaerun.objective.base import Objective
from vaerun.posterior.base import Reparameterized


class DoublyReparam(Estimator):
    """∇_φ E_q[J(r)] = E_ε[Σ_k (a_k − β ∂a_k/∂r_k) (∂r_k/∂z_k) ∇_φ g(ε_k; φ)], a_k = ∂J/∂r_k: no score term.

    The score term −β a_k ∇_φ log q(z_k; φ) of the plain gradient is reparameterized once more, so that only path
    derivatives remain. For the ELBO, the weight is 1/K: this is "sticking the landing", which is exactly zero where q
    is the posterior. For the importance-weighted bound, the weight is w̃_k²: this is DReG. θ has the plain gradient of
    J.

    Reference: Roeder, Wu, Duvenaud 2017, Sticking the landing; Tucker et al. 2019, Doubly reparameterized gradient
    estimators for Monte Carlo objectives.
    """

    needs: ClassVar = (Reparameterized,)

    def forward(self, q: Reparameterized, model: Model, objective: Objective, x: Tensor) -> Estimate:  # type: ignore[override]
        z, _ = q.transport(q.noise(objective.num_samples))
        leaf = z.detach().requires_grad_()
        terms = evaluate(model, x, leaf, q.frozen().log_prob(leaf))
        r = objective.reward(terms)
        (path,) = torch.autograd.grad(r.sum(), leaf, retain_graph=True)
        weight = objective.path_weight(r.detach()).unsqueeze(-1)
        value = objective(r)
        surrogate = value + (weight * path * (z - leaf.detach())).sum((0, 2))
        return estimate(value, surrogate, terms)

    def phi_surrogate(self, q: Reparameterized, model: Model, objective: Objective, x: Tensor) -> Tensor:  # type: ignore[override]
        if not isinstance(objective, Average):  # the weights of others depend on the rewards
            return super().phi_surrogate(q, model, objective, x)
        z, _ = q.transport(q.noise(objective.num_samples))
        leaf = z.detach().requires_grad_()
        log_prior, log_q = model.log_prior(leaf, model.given(x)), q.frozen().log_prob(leaf)
        (prior_path,) = torch.autograd.grad((objective.beta() * log_prior).sum(), leaf)
        (q_path,) = torch.autograd.grad((objective.beta() * -log_q).sum(), leaf)
        path = prior_path + model.likelihood_gradient(x, leaf) + q_path
        return (path / objective.num_samples * (z - leaf.detach())).sum((0, 2))

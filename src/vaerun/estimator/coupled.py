"""∇ E_q[J(r)] by the score function with a relaxation as control variate: the common part of REBAR and RELAX."""

import math
from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn

from vaerun.config.ranges import above
from vaerun.estimator.base import Estimator, estimate, evaluate
from vaerun.model.base import Model
from vaerun.notation import Estimate
from vaerun.objective.base import Objective
from vaerun.posterior.base import Family, Relaxable


class Coupled(Estimator, ABC):
    """Σ_k (c_k(r) − η c_k(h̃) − β a_k) ∇_φ log q(z_k; φ) + η ∇_φ J(h) − η ∇_φ J(h̃), with z = H(g), g = φ + ε.

    h = h(g) is a differentiable approximation of r, and h̃ = h(g̃) at a g̃ sampled from p(g given H(g) = z). Since g̃ has
    the distribution of g, ∇ E[J(h)] = E[Σ_k c_k(h̃) ∇ log q(z_k)] + E[∇ J(h̃)], where the last gradient is along the path
    of g̃. So the terms with η have mean zero for every h, η and τ, and the estimator is unbiased. In h, θ and q are
    constants: only the paths through g and g̃ are differentiated, and θ has the plain gradient of J(r).

    In training mode, η, τ and the weights of h minimise the squared norm of the gradient in the logits of q, which is
    the variance up to a constant, in expectation.

    Args:
        eta: the initial η.
        tau: the initial τ.

    Raises:
        UserError: τ ≤ 0.
    """

    needs: ClassVar = (Relaxable,)

    def __init__(self, *, eta: float = 1.0, tau: float = 0.5) -> None:
        super().__init__()
        above("estimator.tau", tau, 0)
        self.eta = nn.Parameter(torch.tensor(float(eta)))
        self.log_temperature = nn.Parameter(torch.tensor(math.log(tau)))

    def decodes(self, num_samples: int, family: Family) -> int:
        return 3 * num_samples

    @abstractmethod
    def control_variate(self, q: Relaxable, model: Model, objective: Objective, x: Tensor, soft: Tensor) -> Tensor:
        """h at relaxed z: Float[Tensor, "K B D"] ↦ Float[Tensor, "K B"]; q has no gradient."""

    def forward(self, q: Relaxable, model: Model, objective: Objective, x: Tensor) -> Estimate:  # type: ignore[override]
        g = q.perturb(q.noise(objective.num_samples))
        z = q.harden(g)
        conditioned = q.condition(z, q.noise(objective.num_samples))
        log_q = q.log_prob(z)
        terms = evaluate(model, x, z, log_q.detach())
        r = objective.reward(terms)
        value = objective(r)

        learns = self.training and torch.is_grad_enabled() and q.logits.requires_grad
        with torch.enable_grad():
            leaf = torch.cat((g, conditioned)).detach().requires_grad_()
            soft = q.soften(leaf, self.log_temperature.exp())
            unconditional, conditional = self.control_variate(q.frozen(), model, objective, x, soft).chunk(2)
            summed = (objective(unconditional) - objective(conditional)).sum()
            (slope,) = torch.autograd.grad(summed, leaf, create_graph=learns)
        advantage = (
            objective.credit(r.detach())
            - self.eta * objective.credit(conditional)
            - objective.beta() * objective.score_weight(r.detach())
        )
        path = self.eta * slope

        correction = (advantage.detach() * log_q).sum(0) + (path.detach() * torch.cat((g, conditioned))).sum((0, 2))
        auxiliary = None
        if learns:
            total = (advantage * log_q).sum() + (path * torch.cat((g, conditioned))).sum()
            auxiliary = self.loss(q, total)
        return estimate(value, value + correction, terms, auxiliary)

    def loss(self, q: Relaxable, total: Tensor) -> Tensor:
        """A loss whose gradient is that of mean_i ‖∂total/∂logits_i‖² in the weights of this module, Float[Tensor, ""].

        Args:
            q: with the logits that ``total`` depends on.
            total: linear in log q, g and g̃, with coefficients that depend on the weights of this module.
        """
        (gradient,) = torch.autograd.grad(total, q.logits, create_graph=True)
        own = list(self.parameters())
        slopes = torch.autograd.grad(gradient.square().sum(-1).mean(), own, retain_graph=True, allow_unused=True)
        return sum(
            ((weight * slope).sum() for weight, slope in zip(own, slopes, strict=True) if slope is not None),
            start=total.new_zeros(()),
        )

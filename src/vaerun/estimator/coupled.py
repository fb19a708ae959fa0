"""∇ E_q[J(r)] by the score function with a relaxation as control variate: the common part of REBAR and RELAX."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from vaerun.config.ranges import above
from vaerun.estimator.base import Estimator, estimate, evaluate
from vaerun.model.base import Model
from vaerun.notation import Estimate
from vaerun.objective.base import Objective
from vaerun.posterior.base import Family, LayeredRelaxable, Relaxable


class Coupled(Estimator, ABC):
    """Σ_k (c_k(r) − η c_k(h) − β a_k) ∇_φ log q(z_k; φ) + η ∇_φ J(h(g)) − η ∇_φ J(h(g̃)), with z = H(g), g = φ + ε.

    h is a differentiable approximation of r, and g̃ a sample from p(g given H(g) = z). Since g̃ has the distribution of
    g, ∇ E[J(h)] = E[Σ_k c_k(h(g̃)) ∇ log q(z_k)] + E[∇ J(h(g̃))], where the last gradient is along the path of g̃. So the
    terms with η have mean zero for every h, η and τ, and the estimator is unbiased. In h, θ and q are constants: only
    the paths through g and g̃ are differentiated, and θ has the plain gradient of J(r).

    The noise of g̃ is the one for which g̃ = g. It is independent of z and distributed as any other, so that nothing
    changes in expectation, and h is evaluated once instead of twice.

    A q of several layers has these terms for each z_l, given the hard layers below it: h is a function of g_l, with
    z_1, …, z_{l−1} hard, z_l relaxed, and the layers above relaxed with the noise of their hard samples, which does not
    depend on g_l.

    In training mode, η, τ and the weights of h minimise the squared norm of the gradient in the logits of q, which is
    the variance up to a constant, in expectation.

    Args:
        eta: the initial η.
        tau: the initial τ.
        step_factor: the steps of η and log τ, in units of those of the other weights. It holds for optimisers such as
            Adam, whose steps do not depend on the scale of the gradient. With a factor of 1 and a learning rate of
            1e-3, log τ needs a thousand steps to change by 1, and the variance of every weight depends on τ.

    Raises:
        UserError: τ ≤ 0, or ``step_factor`` ≤ 0.

    Reference: Tucker et al. 2017, REBAR, and for the noise of g̃ and several layers its code, research/rebar of
    tensorflow/models.
    """

    needs: ClassVar = (LayeredRelaxable,)

    def __init__(self, *, eta: float = 1.0, tau: float = 0.5, step_factor: float = 10.0) -> None:
        super().__init__()
        above("estimator.tau", tau, 0)
        above("estimator.step_factor", step_factor, 0)
        self.step_factor = step_factor
        self.scaled_eta = nn.Parameter(torch.tensor(eta / step_factor))
        self.scaled_log_tau = nn.Parameter(torch.tensor(math.log(tau) / step_factor))

    @property
    def eta(self) -> Tensor:
        """η, Float[Tensor, ""]."""
        return self.step_factor * self.scaled_eta

    @property
    def tau(self) -> Tensor:
        """τ, Float[Tensor, ""]."""
        return (self.step_factor * self.scaled_log_tau).exp()

    def decodes(self, num_samples: int, family: Family) -> int:
        return (1 + family.num_layers) * num_samples

    @abstractmethod
    def control_variate(
        self, q: LayeredRelaxable, model: Model, objective: Objective, x: Tensor, soft: Tensor
    ) -> Tensor:
        """h at relaxed z: Float[Tensor, "K B D"] ↦ Float[Tensor, "K B"]; q has no gradient."""

    def forward(  # type: ignore[override]
        self, q: LayeredRelaxable, model: Model, objective: Objective, x: Tensor
    ) -> Estimate:
        noise = q.noise(objective.num_samples).split(q.sizes, dim=-1)
        layers = drawn(q, noise)
        log_q = layers[0].log_q
        for layer in layers[1:]:
            log_q = log_q + layer.log_q
        terms = evaluate(model, x, torch.cat([layer.z for layer in layers], -1), log_q.detach())
        r = objective.reward(terms)
        value = objective(r)

        # A layer without a gradient, as at fixed φ or with fixed weights of q, has no variance to reduce.
        varying = [layer.q.logits for layer in layers if layer.q.logits.requires_grad]
        learns = self.training and torch.is_grad_enabled() and bool(varying)
        constant = q.frozen()
        correction, total = torch.zeros_like(value), value.new_zeros(())
        for index, layer in enumerate(layers):
            with torch.enable_grad():
                leaf = layer.g.detach().requires_grad_()
                soft = relaxed(constant, index, leaf, layers, noise, self.tau)
                h = self.control_variate(constant, model, objective, x, soft)
                (slope,) = torch.autograd.grad(objective(h).sum(), leaf, create_graph=learns)
            advantage = (
                objective.credit(r.detach())
                - self.eta * objective.credit(h)
                - objective.beta() * objective.score_weight(r.detach())
            )
            path, moved = self.eta * slope, layer.g - layer.conditioned
            correction = correction + (advantage.detach() * layer.log_q).sum(0) + (path.detach() * moved).sum((0, 2))
            if learns:
                total = total + (advantage * layer.log_q).sum() + (path * moved).sum()
        auxiliary = self.loss(varying, total) if learns else None
        return estimate(value, value + correction, terms, auxiliary)

    def loss(self, logits: Sequence[Tensor], total: Tensor) -> Tensor:
        """A loss whose gradient is that of mean_i Σ_l ‖∂total/∂logits_{l,i}‖² in the weights of this module.

        Args:
            logits: of each layer with a gradient, Float[Tensor, "B D_1"] or Float[Tensor, "K B D_l"].
            total: linear in log q, g and g̃, with coefficients that depend on the weights of this module.
        """
        points = logits[0].shape[-2]
        square = total.new_zeros(())
        for gradient in torch.autograd.grad(total, list(logits), create_graph=True):
            square = square + gradient.square().sum(-1).reshape(-1, points).sum(0).mean()
        own = list(self.parameters())
        slopes = torch.autograd.grad(square, own, retain_graph=True, allow_unused=True)
        return sum(
            ((weight * slope).sum() for weight, slope in zip(own, slopes, strict=True) if slope is not None),
            start=total.new_zeros(()),
        )


class Layer(NamedTuple):
    """A layer of z with all that was drawn for it, each Float[Tensor, "K B D_l"] but log q."""

    q: Relaxable  # q_l at the hard layer below
    g: Tensor  # φ_l + ε_l
    z: Tensor  # H(g)
    conditioned: Tensor  # g̃: equal to g, with the derivative of a sample of g given z
    log_q: Tensor  # Float[Tensor, "K B"]


def drawn(q: LayeredRelaxable, noise: Sequence[Tensor]) -> list[Layer]:
    """A hard z from ``noise``, one layer after the other, and g̃ = g."""
    layers: list[Layer] = []
    for index, part in enumerate(noise):
        here = q.layer(index, layers[-1].z if layers else None)
        g = here.perturb(part)
        z = here.harden(g)
        conditioned = here.condition(z, here.conditional_noise(z, g))
        layers.append(Layer(here, g, z, conditioned, here.log_prob(z)))
    return layers


def relaxed(
    q: LayeredRelaxable, index: int, leaf: Tensor, layers: Sequence[Layer], noise: Sequence[Tensor], tau: Tensor
) -> Tensor:
    """z with hard layers below one layer, which is relaxed at ``leaf``, and relaxed layers above.

    Args:
        q: without gradient.
        index: of the layer whose g is ``leaf``.
        leaf: g, Float[Tensor, "K B D_l"].
        layers: the hard ones.
        noise: of the hard layers, which the relaxed ones above use, too.
        tau: τ, Float[Tensor, ""].

    Returns:
        The relaxed z, Float[Tensor, "K B D"].
    """
    parts = [layer.z for layer in layers[:index]]
    parts.append(q.layer(index, parts[-1] if parts else None).soften(leaf, tau))
    for higher in range(index + 1, len(layers)):
        here = q.layer(higher, parts[-1])
        parts.append(here.soften(here.perturb(noise[higher]), tau))
    return torch.cat(parts, -1)

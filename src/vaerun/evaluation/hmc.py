"""z′ = leapfrog(z, v), v ~ N(0, I), accepted with probability min(1, exp(−ΔH)): Hamiltonian moves of real z."""

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor

from vaerun.evaluation.transition import ChainState, Transition, metropolis

JITTER = 0.5  # of a step size: a trajectory of fixed length may return to where it began, as in every Gaussian


class Hamiltonian(Transition):
    """Leapfrog steps with H(z, v) = −log p(z) − β log p(x given z) + ½ vᵀv, then accepted by min(1, exp(−ΔH)).

    Momenta are drawn anew for each move. A move's step size is the given one times a factor drawn from U(0.5, 1.5),
    which does not depend on the state, so the kernel stays reversible. The gradient at the end of one move is kept for
    the next: a move costs as many gradients as it has steps.

    Reference: Neal 2011, MCMC using Hamiltonian dynamics, §3.
    """

    target_acceptance: ClassVar[float | None] = 0.8

    def state(self, x: Tensor, z: Tensor) -> ChainState:
        with torch.enable_grad():
            leaf = z.detach().requires_grad_()
            log_likelihood = self.model.log_likelihood(x, leaf)
            log_prior = self.model.log_prior(leaf, self.model.given(x))
            (likelihood_gradient,) = torch.autograd.grad(log_likelihood.sum(), leaf)
            (prior_gradient,) = torch.autograd.grad(log_prior.sum(), leaf)
        return ChainState(
            leaf.detach(), log_likelihood.detach(), log_prior.detach(), likelihood_gradient, prior_gradient
        )

    def slope(self, x: Tensor, z: Tensor, beta: float | Tensor) -> Tensor:
        """∇_z [log p(z) + β log p(x given z)], Float[Tensor, "C B D"], without the densities."""
        with torch.enable_grad():
            leaf = z.detach().requires_grad_()
            log_prior = self.model.log_prior(leaf, self.model.given(x))
            (prior_gradient,) = torch.autograd.grad(log_prior.sum(), leaf)
        return prior_gradient + beta * self.model.likelihood_gradient(x, z)

    def move(self, x: Tensor, state: ChainState, beta: float | Tensor, size: Tensor) -> tuple[ChainState, Tensor]:
        factor = 1 + JITTER * (2 * torch.rand_like(state.log_prior) - 1)
        v = torch.randn_like(state.z)
        end, v_end = leapfrog(
            lambda z: self.state(x, z),
            lambda z: self.slope(x, z, beta),
            state,
            v,
            beta=beta,
            size=(size * factor).unsqueeze(-1),
            steps=self.steps,
        )
        before = state.log_density(beta) - 0.5 * v.square().sum(-1)
        after = end.log_density(beta) - 0.5 * v_end.square().sum(-1)
        return metropolis(state, end, after - before)


def leapfrog(
    locate: Callable[[Tensor], ChainState],
    slope: Callable[[Tensor], Tensor],
    state: ChainState,
    v: Tensor,
    *,
    beta: float | Tensor,
    size: Tensor,
    steps: int,
) -> tuple[ChainState, Tensor]:
    """Half a step of v, then whole steps of z and v in turn, half a step of v: the state and the momentum at the end.

    It keeps volume, and from the end with −v it leads back to the start. Densities are computed at the end only.

    Args:
        locate: z ↦ the chains there.
        slope: z ↦ the gradient of their log-density at β.
        state: where it starts.
        v: momentum, Float[Tensor, "C B D"].
        beta: β.
        size: of a step, Float[Tensor, "C B 1"].
        steps: how many.

    Reference: Neal 2011, MCMC using Hamiltonian dynamics, §2.3.
    """
    z, v = state.z, v + 0.5 * size * state.gradient(beta)
    for _ in range(steps - 1):
        z = z + size * v
        v = v + size * slope(z)
    end = locate(z + size * v)
    return end, v + 0.5 * size * end.gradient(beta)

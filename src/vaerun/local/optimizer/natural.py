"""Natural-gradient ascent for each row of Φ; the step size follows the signal-to-noise ratio of the gradient."""

from typing import NamedTuple

import torch
from torch import Tensor

from vaerun.config.ranges import above, at_least
from vaerun.local.optimizer.base import LocalOptimizer

SHORTEST = 5.0  # steps of the shortest memory; with one step, every gradient would look free of noise


class RowNaturalState(NamedTuple):
    """Running averages of R rows, and how many steps they remember."""

    mean: Tensor  # Float[Tensor, "R P"]: ḡ, of the scaled gradient
    square: Tensor  # Float[Tensor, "R 1"]: h, of its squared length
    memory: Tensor  # Float[Tensor, "R 1"]: τ


class LocalNatural(LocalOptimizer):
    """Δφ = ρ F⁻¹ ∇L with ρ = ‖ḡ‖² / h, where ḡ and h are running means of g = F^(−1/2) ∇L and ‖g‖².

    F is the Fisher information of q, of which the family states the diagonal, so a step is measured in units of the
    width of q: it does not depend on the scale of z. ρ is the share of the squared gradient that is not noise. It is
    near 1 far from the optimum and small near it, where noise dominates. ḡ and h remember τ steps,
    τ ← τ (1 − ρ) + 1, at least 5 and at most ``memory``. With a longer memory, φ comes nearer to the optimum at fixed
    θ, and reacts later when θ moves.

    Args:
        max_step: the longest step of one coordinate, in units of F^(−1/2); for a Gaussian mean, in σ.
        memory: the largest τ.

    Raises:
        UserError: ``max_step`` ≤ 0 or ``memory`` < 5.

    Reference: Ranganath, Wang, Blei, Xing 2013, An adaptive learning rate for stochastic variational inference, eqs. 8
    to 12; Hoffman et al. 2013, Stochastic variational inference, §2.3 (natural gradients).
    """

    adaptive = True

    def __init__(self, *, max_step: float = 1.0, memory: float = 12.0) -> None:
        above("local.optimizer.max_step", max_step, 0)
        at_least("local.optimizer.memory", memory, SHORTEST)
        self.max_step, self.memory = max_step, memory

    def init(self, phi: Tensor) -> RowNaturalState:
        column = phi.new_zeros(len(phi), 1)
        # Not the shortest memory: the first gradients say little about their noise.
        return RowNaturalState(torch.zeros_like(phi), column, torch.full_like(column, min(10.0, self.memory)))

    def update(self, gradient: Tensor, state: RowNaturalState, scale: Tensor) -> tuple[Tensor, RowNaturalState]:
        g = scale * gradient
        weight = state.memory.reciprocal()
        mean = torch.lerp(state.mean, g, weight)
        square = torch.lerp(state.square, g.square().sum(1, keepdim=True), weight)
        rate = mean.square().sum(1, keepdim=True) / square.clamp(min=torch.finfo(g.dtype).tiny)
        memory = torch.addcmul(state.memory + 1, state.memory, rate, value=-1).clamp(SHORTEST, self.memory)
        step = scale * (rate * g).clamp(-self.max_step, self.max_step)
        return step, RowNaturalState(mean, square, memory)

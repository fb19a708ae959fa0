"""z′ = z with one variable at another value, accepted with probability min(1, p_β(z′)/p_β(z)): moves of discrete z."""

from typing import ClassVar

import torch
from torch import Tensor

from vaerun.evaluation.transition import ChainState, Transition, metropolis


class Switch(Transition):
    """Metropolis steps over bits or one-hot blocks: a variable drawn at random proposes one of its other values.

    The variable and its value are drawn uniformly, independently of z, so a step is symmetric and reversible under
    every p_β. A move of several such steps is reversible, too. There is no step size.

    Reference: Metropolis et al. 1953, Equation of state calculations by fast computing machines.
    """

    target_acceptance: ClassVar[float | None] = None

    def state(self, x: Tensor, z: Tensor) -> ChainState:
        nothing = z.new_empty(*z.shape[:2], 0)
        with torch.no_grad():
            return ChainState(
                z, self.model.log_likelihood(x, z), self.model.log_prior(z, self.model.given(x)), nothing, nothing
            )

    def move(self, x: Tensor, state: ChainState, beta: float | Tensor, size: Tensor) -> tuple[ChainState, Tensor]:
        accepted = torch.zeros_like(state.log_prior)
        for _ in range(self.steps):
            proposed = self.state(x, switched(state.z, self.model.prior.block))
            state, probability = metropolis(state, proposed, proposed.log_density(beta) - state.log_density(beta))
            accepted += probability / self.steps
        return state, accepted


def switched(z: Tensor, block: int) -> Tensor:
    """z with one of its variables at another of its values, both drawn uniformly, Float[Tensor, "C B D"].

    Args:
        z: bits, or one-hot blocks.
        block: coordinates of a variable; 1 for bits.
    """
    variables = z.unflatten(-1, (-1, block))
    chosen = torch.randint(variables.shape[-2], (*z.shape[:2], 1, 1), device=z.device).expand(*z.shape[:2], 1, block)
    old = variables.gather(-2, chosen)
    if block == 1:
        new = 1 - old
    else:  # a shift by 1 … C − 1 places reaches every other class with equal probability
        shift = torch.randint(1, block, (*z.shape[:2], 1, 1), device=z.device)
        new = old.gather(-1, (torch.arange(block, device=z.device) - shift) % block)
    return variables.scatter(-2, chosen, new).flatten(-2)

"""Markov kernels that leave p_β(z) ∝ p(z) p(x given z)^β invariant: the moves of annealed importance sampling."""

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from vaerun.execution.engine.base import Engine, Program
from vaerun.execution.engine.eager import Eager
from vaerun.model.base import Model


class ChainState(NamedTuple):
    """The state of C chains for each of B points, with values that the next move would otherwise recompute."""

    z: Tensor  # Float[Tensor, "C B D"]
    log_likelihood: Tensor  # Float[Tensor, "C B"]
    log_prior: Tensor  # Float[Tensor, "C B"]
    likelihood_gradient: Tensor  # ∇_z log p(x given z), Float[Tensor, "C B D"]; D = 0 where no move asks for it
    prior_gradient: Tensor  # ∇_z log p(z), likewise

    def log_density(self, beta: float | Tensor) -> Tensor:
        """log p(z) + β log p(x given z), Float[Tensor, "C B"]."""
        return self.log_prior + beta * self.log_likelihood

    def gradient(self, beta: float | Tensor) -> Tensor:
        """Of ``log_density`` in z, Float[Tensor, "C B D"]."""
        return self.prior_gradient + beta * self.likelihood_gradient

    def moved(self, accept: Tensor, other: "ChainState") -> "ChainState":
        """``other`` where ``accept``, Bool[Tensor, "C B"], and this one elsewhere."""
        wide = accept.unsqueeze(-1)
        return ChainState(
            torch.where(wide, other.z, self.z),
            torch.where(accept, other.log_likelihood, self.log_likelihood),
            torch.where(accept, other.log_prior, self.log_prior),
            torch.where(wide, other.likelihood_gradient, self.likelihood_gradient),
            torch.where(wide, other.prior_gradient, self.prior_gradient),
        )


class Transition(ABC):
    """A Markov kernel that is reversible under p_β(z given x) ∝ p(z) p(x given z)^β, for every β.

    Args:
        model: p_θ(x, z).
        steps: number of steps in one move.
        engine: executes the moves.
    """

    target_acceptance: ClassVar[
        float | None
    ]  # the acceptance rate that step sizes aim at; None where steps have no size

    def __init__(self, *, model: Model, steps: int, engine: Engine | None = None) -> None:
        self.model, self.steps = model, steps
        self.engine = Eager() if engine is None else engine
        self.program = Move(self)

    def executed(self, x: Tensor, state: ChainState, beta: float, size: Tensor) -> tuple[ChainState, Tensor]:
        """``move`` by the engine, with the same arguments."""
        # A number would be a constant of a compiled program, and every temperature another program.
        beta_tensor = torch.tensor(beta, dtype=torch.float64, device=x.device)
        return self.engine(self.program, x, beta_tensor, size, *state)

    @abstractmethod
    def state(self, x: Tensor, z: Tensor) -> ChainState:
        """The state of chains at z, Float[Tensor, "C B D"], with all that a move from it needs."""

    @abstractmethod
    def move(self, x: Tensor, state: ChainState, beta: float | Tensor, size: Tensor) -> tuple[ChainState, Tensor]:
        """One move at β: the new state, and the probability with which it was accepted, Float[Tensor, "C B"].

        Args:
            x: Float[Tensor, "B X"].
            state: of the chains.
            beta: β.
            size: of a step, for each point, Float[Tensor, "B"].
        """


class Move(Program):
    """(x, β, size, chains) ↦ (chains, probability): one move of a transition.

    Args:
        transition: whose moves they are.
    """

    def __init__(self, transition: Transition) -> None:
        super().__init__(transition.model)
        self.transition = transition

    def __call__(self, *inputs: Tensor) -> tuple[ChainState, Tensor]:
        x, beta, size, *fields = inputs
        return self.transition.move(x, ChainState(*fields), beta, size)


def metropolis(state: ChainState, proposed: ChainState, log_ratio: Tensor) -> tuple[ChainState, Tensor]:
    """Accepts with probability min(1, exp log_ratio), Float[Tensor, "C B"]; a ratio that is not a number is 0.

    Reference: Metropolis et al. 1953, Equation of state calculations by fast computing machines.
    """
    probability = log_ratio.nan_to_num(nan=-torch.inf, posinf=torch.inf, neginf=-torch.inf).clamp(max=0).exp()
    return state.moved(torch.rand_like(probability) < probability, proposed), probability

"""φ_0 = f_λ(x) ↦ φ_T and the objective of λ: how an encoder is trained when its output is refined."""

from abc import ABC, abstractmethod
from typing import NamedTuple

from torch import Tensor

from vaerun.local.solver import LocalSolver


class Refinement(NamedTuple):
    """φ_T, and the objective of λ."""

    phi: Tensor  # Float[Tensor, "B P"]: φ_T; in the graph of λ if λ is trained through it
    encoder_term: Tensor  # Float[Tensor, "B"]: λ maximises it besides the bound at ``phi``; no gradient in θ
    decoder_evaluations: int  # the cost of both, summed over all points


class EncoderLoss(ABC):
    """φ_0 = f_λ(x) ↦ (φ_T, objective of λ): T steps of the solver, and the term that trains f_λ.

    Args:
        solver: refines φ.
    """

    def __init__(self, *, solver: LocalSolver) -> None:
        self.solver = solver

    @abstractmethod
    def __call__(self, x: Tensor, guess: Tensor, steps: int) -> Refinement:
        """Refines ``guess`` = φ_0, Float[Tensor, "B P"] in the graph of λ, by at most T = ``steps`` steps."""

    def refine(self, x: Tensor, guess: Tensor, steps: int) -> tuple[Tensor, int]:
        """(φ_T without gradient, decoder evaluations); a point that has converged stops before T steps."""
        phi = guess.detach()
        solution = self.solver(x, phi, self.solver.optimizer.init(phi), max_steps=steps, cuts=0)
        return solution.phi, solution.decoder_evaluations

"""What it is to train an encoder whose guess is refined."""

from abc import ABC, abstractmethod
from typing import NamedTuple

from torch import Tensor

from vaerun.local.solver import LocalSolver


class Refinement(NamedTuple):
    """φ_T, and what moves λ."""

    phi: Tensor  # Float[Tensor, "B P"]: φ_T; part of λ's graph where λ follows the bound through it
    encoder_term: (
        Tensor  # Float[Tensor, "B"]: what λ climbs besides the bound at ``phi``; nothing else has a part in it
    )
    decoder_evaluations: int  # what both took, over all points


class EncoderLoss(ABC):
    """φ_0 = f_λ(x) ↦ (φ_T, what λ follows): T steps of the solver, and how f_λ learns from them.

    Args:
        solver: moves φ.
    """

    def __init__(self, *, solver: LocalSolver) -> None:
        self.solver = solver

    @abstractmethod
    def __call__(self, x: Tensor, guess: Tensor, steps: int) -> Refinement:
        """Refines the ``guess`` φ_0, Float[Tensor, "B P"] with λ's graph, by T = ``steps`` steps at most."""

    def refine(self, x: Tensor, guess: Tensor, steps: int) -> tuple[Tensor, int]:
        """φ_T as a constant, and how often that decoded; a point that no longer rises stops earlier."""
        phi = guess.detach()
        solution = self.solver(x, phi, self.solver.optimizer.init(phi), max_steps=steps, cuts=0)
        return solution.phi, solution.decoder_evaluations

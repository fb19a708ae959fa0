"""φ = f_λ(x) for a point that has none yet, with f_λ trained towards the φ found."""

import torch
from torch import Tensor

from vaerun.amortizer.base import Amortizer
from vaerun.local.optimizer.base import LocalState
from vaerun.local.solver import LocalSolver
from vaerun.strategy.encoder_loss.regression import regression
from vaerun.strategy.phi_init.base import InitialPhi, PhiInit


class EncoderInit(PhiInit):
    """φ = f_λ(x) for a point without a φ of its own; f_λ climbs −½‖f_λ(x) − sg[φ]‖² to the φ found at each visit.

    The first visit of a training point and the first evaluation of a held-out one start at the guess, and so does every
    point of no split; from then on both go on where they ended, which is better than a guess. λ takes one step at each
    visit, on the way of θ's step.

    Args:
        solver: whose rows start.
        amortizer: f_λ.

    Reference: Amos 2023, Tutorial on amortized optimization (a learned warm start).
    """

    def __init__(self, *, solver: LocalSolver, amortizer: Amortizer) -> None:
        super().__init__()
        self.optimizer, self.amortizer = solver.optimizer, amortizer

    def forward(self, x: Tensor, phi: Tensor, state: LocalState, new: Tensor) -> InitialPhi:
        with torch.no_grad():
            phi = torch.where(new.unsqueeze(1), self.amortizer(x), phi)
        return InitialPhi(phi, state, encoder_evaluations=2 * len(x))  # once to start, and once for the auxiliary

    def training_term(self, x: Tensor, refined: Tensor) -> Tensor:
        return regression(self.amortizer(x), refined)

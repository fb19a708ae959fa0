"""φ^(0) = f_λ(x) at the first visit of a point; f_λ is trained by regression on the φ found."""

import torch
from torch import Tensor

from vaerun.amortizer.base import Amortizer
from vaerun.local.optimizer.base import LocalState
from vaerun.local.solver import LocalSolver
from vaerun.strategy.encoder_loss.regression import regression
from vaerun.strategy.phi_init.base import InitialPhi, PhiInit


class EncoderInit(PhiInit):
    """φ^(0) = f_λ(x) at the first visit of a point, where λ minimises ½‖f_λ(x) − sg[φ]‖² to the φ found at each visit.

    The first training visit, the first validation and every new point start at f_λ(x). Later visits start at the
    stored φ_i, which is more accurate. λ is updated together with θ, once per visit.

    Args:
        solver: whose φ is initialised.
        amortizer: f_λ.

    Reference: Amos 2023, Tutorial on amortized optimization (a learned warm start).
    """

    def __init__(self, *, solver: LocalSolver, amortizer: Amortizer) -> None:
        super().__init__()
        self.optimizer, self.amortizer = solver.optimizer, amortizer

    def forward(self, x: Tensor, phi: Tensor, state: LocalState, new: Tensor) -> InitialPhi:
        with torch.no_grad():
            phi = torch.where(new.unsqueeze(1), self.amortizer(x), phi)
        return InitialPhi(phi, state, encoder_evaluations=2 * len(x))  # once here, and once in the training term

    def training_term(self, x: Tensor, refined: Tensor) -> Tensor:
        return regression(self.amortizer(x), refined)

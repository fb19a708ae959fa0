"""φ^(0) = the initial φ of the family, at every visit."""

from torch import Tensor

from vaerun.local.optimizer.base import LocalState
from vaerun.local.solver import LocalSolver
from vaerun.strategy.phi_init.base import InitialPhi, PhiInit


class PriorInit(PhiInit):
    """φ^(0) = the initial φ of the family, where q is near the prior, at every visit.

    The state of the per-point optimiser starts anew, too, so the φ found depends only on x and θ. It needs enough steps
    at each visit; the single step of joint ascent is not enough.

    Args:
        solver: whose φ is initialised.
        initial: the family's initial φ, Float[Tensor, "P"].

    Reference: Hoffman et al. 2013, Stochastic variational inference, §2 (local parameters start anew at each visit).
    """

    initial: Tensor

    def __init__(self, *, solver: LocalSolver, initial: Tensor) -> None:
        super().__init__()
        self.optimizer = solver.optimizer
        self.register_buffer("initial", initial.clone())

    def forward(self, x: Tensor, phi: Tensor, state: LocalState, new: Tensor) -> InitialPhi:
        phi = self.initial.expand(len(x), -1).clone()
        return InitialPhi(phi, self.optimizer.init(phi))

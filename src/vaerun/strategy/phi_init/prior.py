"""φ = the family's initial φ, at every visit."""

from torch import Tensor

from vaerun.local.optimizer.base import LocalState
from vaerun.local.solver import LocalSolver
from vaerun.strategy.phi_init.base import InitialPhi, PhiInit


class PriorInit(PhiInit):
    """φ = the family's initial φ, where q is near the prior, at every visit, as if no point had been seen before.

    The first and all later visits of a training point and every evaluation of a held-out one start there, without
    memory. What is found depends on x and θ alone, so it wants enough steps at each visit: with joint ascent's single
    step no φ would get anywhere.

    Args:
        solver: whose rows start.
        initial: the family's initial φ, Float[Tensor, "P"].

    Reference: Hoffman et al. 2013, Stochastic variational inference, §2 (local parameters anew at each visit).
    """

    initial: Tensor

    def __init__(self, *, solver: LocalSolver, initial: Tensor) -> None:
        super().__init__()
        self.optimizer = solver.optimizer
        self.register_buffer("initial", initial.clone())

    def forward(self, x: Tensor, phi: Tensor, state: LocalState, new: Tensor) -> InitialPhi:
        phi = self.initial.expand(len(x), -1).clone()
        return InitialPhi(phi, self.optimizer.init(phi))

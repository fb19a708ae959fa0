"""φ^(0) = φ_i, the φ stored at the last visit."""

from torch import Tensor

from vaerun.local.optimizer.base import LocalState
from vaerun.strategy.phi_init.base import InitialPhi, PhiInit


class PreviousInit(PhiInit):
    """φ^(0) = φ_i as stored at the last visit; at the first visit, the initial φ of the family (q near the prior).

    The state of the per-point optimiser is kept, too. New points start at the initial φ of the family. This is the
    usual choice, because θ changes little between two visits.

    Reference: Neal, Hinton 1998, A view of the EM algorithm that justifies incremental, sparse, and other variants.
    """

    def forward(self, x: Tensor, phi: Tensor, state: LocalState, new: Tensor) -> InitialPhi:
        return InitialPhi(phi, state)

"""φ where the point's last ascent ended."""

from torch import Tensor

from vaerun.local.optimizer.base import LocalState
from vaerun.strategy.phi_init.base import InitialPhi, PhiInit


class PreviousInit(PhiInit):
    """φ = φ_i where its last ascent ended, and the family's initial φ, a q near the prior, before the first.

    A training point goes on at each visit, a held-out point at each evaluation, both with their optimiser's memory; a
    point of no split starts at the initial φ. The usual choice: θ moves little between two visits.

    Reference: Neal, Hinton 1998, A view of the EM algorithm that justifies incremental, sparse, and other variants.
    """

    def forward(self, x: Tensor, phi: Tensor, state: LocalState, new: Tensor) -> InitialPhi:
        return InitialPhi(phi, state)

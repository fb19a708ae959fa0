"""(x, φ_i) ↦ φ^(0): the initial φ of a point at a visit."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor, nn

from vaerun.local.optimizer.base import LocalState
from vaerun.metric.metric import Declares
from vaerun.notation import NOTHING


class InitialPhi(NamedTuple):
    """The initial φ of a batch of points, and its cost."""

    phi: Tensor  # Float[Tensor, "B P"]
    state: LocalState  # of the per-point optimiser
    decoder_evaluations: int = 0
    encoder_evaluations: int = 0
    diagnostics: Mapping[str, Tensor] = NOTHING  # by quantity, each Float[Tensor, "B"]


class PhiInit(Declares, nn.Module, ABC):
    """(x, stored φ) ↦ φ^(0), where the maximisation of L(x; θ, φ) over φ starts."""

    @abstractmethod
    def forward(self, x: Tensor, phi: Tensor, state: LocalState, new: Tensor) -> InitialPhi:
        """The initial φ of each point.

        Args:
            x: Float[Tensor, "B X"].
            phi: the stored φ_i of each point, at first the initial φ of the family, Float[Tensor, "B P"].
            state: of the per-point optimiser, stored with it.
            new: whether this is the first visit of the point, Bool[Tensor, "B"].
        """

    def training_term(self, x: Tensor, refined: Tensor) -> Tensor | float:
        """The term of the objective that trains this module's weights, Float[Tensor, "B"]; 0 without weights.

        Args:
            x: Float[Tensor, "B X"].
            refined: the φ found at this visit, Float[Tensor, "B P"].
        """
        return 0.0

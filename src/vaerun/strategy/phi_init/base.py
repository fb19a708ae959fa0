"""What it is to start a point's ascent in φ."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor, nn

from vaerun.local.optimizer.base import LocalState
from vaerun.notation import NOTHING


class InitialPhi(NamedTuple):
    """Where a batch of points starts, and what finding that took."""

    phi: Tensor  # Float[Tensor, "B P"]
    state: LocalState  # the row optimiser's
    decoder_evaluations: int = 0
    encoder_evaluations: int = 0
    diagnostics: Mapping[str, Tensor] = NOTHING  # by quantity, each Float[Tensor, "B"]


class PhiInit(nn.Module, ABC):
    """(x, the last φ) ↦ the φ at which a point's ascent starts."""

    @abstractmethod
    def forward(self, x: Tensor, phi: Tensor, state: LocalState, new: Tensor) -> InitialPhi:
        """Where to start.

        Args:
            x: Float[Tensor, "B X"].
            phi: where each point's last ascent ended, or the family's initial φ, Float[Tensor, "B P"].
            state: the row optimiser's state there.
            new: whether the point has had no ascent yet, Bool[Tensor, "B"].
        """

    def training_term(self, x: Tensor, refined: Tensor) -> Tensor | float:
        """What the start's own weights climb, Float[Tensor, "B"]; most have none, and climb nothing.

        Args:
            x: Float[Tensor, "B X"].
            refined: the φ that the visit found, Float[Tensor, "B P"].
        """
        return 0.0

"""f_λ: x ↦ φ, the interface of encoders."""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from vaerun.errors import UserError


class Amortizer(nn.Module, ABC):
    """f_λ: x ↦ φ, where λ are the parameters of this module."""

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """φ: Float[Tensor, "B X"] ↦ Float[Tensor, "B P"]."""


def numbers_read(given_dim: int, *, reads_given: bool) -> int:
    """How many of the C numbers that the model conditions on an encoder reads: C or 0.

    Raises:
        UserError: ``reads_given`` is false, and there is no condition.
    """
    if not reads_given and not given_dim:
        raise UserError(
            "amortizer.reads_given=false needs data with a condition: use data.condition=y, or remove the key."
        )
    return given_dim if reads_given else 0

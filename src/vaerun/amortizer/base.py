"""f_λ: x ↦ φ, the interface of encoders."""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from vaerun.config.ranges import above
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


def input_std(data_std: float, spread: float | None, *, counts: bool, columns: bool = False) -> float:
    """s such that an encoder reads (x − x̄)/4s = (x − x̄)/spread; the standard deviation of the data for None.

    Raises:
        UserError: ``spread`` ≤ 0, or values of such data are not divided by one number.
    """
    above("amortizer.spread", spread, 0)
    if spread is None:
        return data_std
    if counts or columns:
        kind = "declared columns, each of which has a scale of its own" if columns else "counts, which are read as logs"
        raise UserError(f"amortizer.spread={spread} has no effect on {kind}: remove the key.")
    return spread / 4

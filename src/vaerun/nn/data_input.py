"""x ↦ what a network reads of x: standardised values, which of them are observed, and what is given."""

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn

from vaerun.config.ranges import above
from vaerun.errors import UserError
from vaerun.nn.column_values import ColumnValues
from vaerun.nn.network import ImageShape
from vaerun.notation import Column


@final
class DataInput(nn.Module):
    """x ↦ ((x − x̄)/4s, the mask of the observed values, c), where the model conditions on c.

    Most values of (x − x̄)/4s lie in [−1, 1], like pixels, so the same learning rate works for data in any unit. A
    missing value (nan) is 0 there, which is the mean of its coordinate, and its mask is 0. Without missing values there
    is no mask, and without a condition no c. Where the data declare columns, each has its own scale, and a category is
    a one-hot vector (``ColumnValues``).

    Counts range over orders of magnitude, so that a few of them would exceed all others: their logarithm is read. It
    needs no scale, because it is the same for counts in any range.

    Args:
        data_mean: x̄, the mean of the training data, Float[Tensor, "X"].
        data_std: s, their standard deviation, pooled over all coordinates.
        spread: what x − x̄ is divided by instead of 4s; None for 4s.
        given_dim: C, the numbers in c, which follow those of x in a row.
        missing: whether values are missing in the data.
        counts: whether the data are counts 0, 1, 2, …; the values are then log(1 + x) − log(1 + x̄).
        columns: those of x, if the data declare them.

    Raises:
        UserError: ``spread`` is not above 0, or given for counts or declared columns, which are not divided by 4s.

    Reference: Mattei, Frellsen 2019, MIWAE: deep generative modelling and imputation of incomplete data sets, §3.2
    (zero imputation in the encoder); Sohn, Lee, Yan 2015, Learning structured output representation using deep
    conditional generative models, §4; Lopez et al. 2018, Deep generative modeling for single-cell transcriptomics,
    Methods (log(1 + x) in the encoder).
    """

    data_mean: Tensor

    def __init__(
        self,
        *,
        data_mean: Tensor,
        data_std: float,
        spread: float | None = None,
        given_dim: int = 0,
        missing: bool = False,
        counts: bool = False,
        columns: Sequence[Column] = (),
    ) -> None:
        super().__init__()
        self.register_buffer("data_mean", data_mean.clone())
        above("amortizer.spread", spread, 0)
        if spread is not None and (counts or columns):
            kind = "declared columns, which have a scale each" if columns else "counts, whose logarithm is read"
            raise UserError(f"amortizer.spread={spread} has no effect on {kind}: remove the key.")
        self.spread = 4 * data_std if spread is None else spread
        self.given_dim, self.missing, self.counts = given_dim, missing, counts
        self.columns = ColumnValues(columns) if columns else None

    @property
    def dim(self) -> int:
        """The number of values that a network reads: V of x (X without columns), X for the mask if missing, and C."""
        X = len(self.data_mean)
        return (self.columns.dim if self.columns else X) + (X if self.missing else 0) + self.given_dim

    def values(self, x: Tensor) -> Tensor:
        """What a network reads of the values of x, Float[Tensor, "B V"], 0 where x is missing."""
        x = x[:, : len(self.data_mean)]
        if self.columns is not None:
            seen = self.columns(x)
        elif self.counts:
            seen = signed_log(x) - signed_log(self.data_mean)
        else:
            seen = (x - self.data_mean).div_(self.spread)
        return seen.nan_to_num_(0.0) if self.missing else seen

    def mask(self, x: Tensor) -> Tensor:
        """1 where x is observed and 0 where it is missing, Float[Tensor, "B X"]."""
        return (~x[:, : len(self.data_mean)].isnan()).to(x.dtype)

    def given(self, x: Tensor) -> Tensor:
        """c, Float[Tensor, "B C"]."""
        return x[:, len(self.data_mean) :]

    def image(self, x: Tensor, shape: ImageShape) -> Tensor:
        """The values of x as an image, and the mask as further channels of it, Float[Tensor, "B channels H W"]."""
        seen = shape.image(self.values(x))
        return torch.cat((seen, shape.image(self.mask(x))), 1) if self.missing else seen

    def beside(self, seen: Tensor, x: Tensor) -> Tensor:
        """What was computed of the values of x, and c: Float[Tensor, "B S"] ↦ Float[Tensor, "B S+C"]."""
        return torch.cat((seen, self.given(x)), 1) if self.given_dim else seen

    def forward(self, x: Tensor) -> Tensor:
        """Float[Tensor, "B X+C"] ↦ Float[Tensor, "B dim"]."""
        seen = self.values(x)
        return self.beside(torch.cat((seen, self.mask(x)), 1) if self.missing else seen, x)


def signed_log(x: Tensor) -> Tensor:
    """log(1 + x) for x ≥ 0, continued as an odd function, since learned pseudo-inputs can be negative; any shape."""
    return x.sign() * x.abs().log1p()

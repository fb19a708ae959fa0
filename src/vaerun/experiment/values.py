"""x ↦ whether the likelihood of a run has a density at these values, which a caller gives as a tensor."""

import math

import torch
from torch import Tensor

from vaerun.data.base import DataInfo
from vaerun.errors import UserError
from vaerun.notation import Column

FITS = {
    "binary": "0 or 1",
    "unit": "between 0 and 1",
    "count": "a whole number of at least 0",
    "real": "finite",
    "mixed": "finite",
}
OF_COLUMN = {"positive": "above 0", "count": FITS["count"], "binary": FITS["binary"], "real": FITS["real"]}


def refuse_other_values(x: Tensor, info: DataInfo) -> None:
    """Refuses points with values that the training data of a run cannot have.

    Args:
        x: Float[Tensor, "N X"]; nan where a value is missing.
        info: of the training data.

    Raises:
        UserError: a value is missing in none of the training data, or outside of their support or that of its column.
    """
    whole = (x >= 0) & (x == x.round())
    fits = torch.isfinite(x)
    fits &= {"binary": (x == 0) | (x == 1), "unit": (x >= 0) & (x <= 1), "count": whole}.get(info.support, fits)
    if info.missing:
        fits |= x.isnan()
    if not bool(fits.all()):
        odd = float(x[~fits][0])
        if math.isnan(odd):
            raise UserError(
                "every value of x must be observed, because the run was trained without missing values, got nan: "
                "train a run on data with missing values, such as data.missing=nan or data.hide=0.1."
            )
        raise UserError(
            f"every value of x must be {FITS[info.support]}, as in the training data, got {odd:g}: "
            f"scale or binarise x in the same way."
        )
    for j, column in enumerate(info.columns):
        _refuse_other_values_of(column, x[:, j], missing=info.missing)


def _refuse_other_values_of(column: Column, x: Tensor, *, missing: bool) -> None:
    """Refuses values of one column, Float[Tensor, "N"]."""
    whole = (x >= 0) & (x == x.round())
    fits = {
        "positive": x > 0,
        "count": whole,
        "binary": (x == 0) | (x == 1),
        "categorical": whole & (x < len(column.categories)),
    }.get(column.kind, torch.isfinite(x))
    fits = fits | x.isnan()
    if not bool(fits.all()):
        last = len(column.categories) - 1
        allowed = OF_COLUMN.get(column.kind, f"the code of a category, a whole number from 0 to {last}")
        raise UserError(
            f"every value of the column {column.name!r} must be {allowed}, as in the training data, got "
            f"{float(x[~fits][0]):g}: correct it{', or give nan if it is missing' if missing else ''}."
        )

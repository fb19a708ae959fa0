"""The standard error of a fraction, also of 0 and of 1."""

import torch
from torch import Tensor


def fraction_error(values: Tensor) -> Tensor:
    """√(p̃ (1 − p̃) / (N + 4)) with p̃ = (N p + 2) / (N + 4), the standard error of a fraction p of N draws.

    √(p (1 − p) / N) is 0 where p is 0 or 1, although N draws cannot show that. Two successes and two failures are
    added. Values between 0 and 1, such as the fraction of a point, have less noise: the error is the standard
    deviation s̃ of the N + 4 values over √(N + 4), which is the same for values of 0 and 1.

    Args:
        values: of every draw, from 0 to 1, Float[Tensor, "N *X"].

    Returns:
        Float[Tensor, "*X"].

    Reference: Agresti, Coull 1998, Approximate is better than "exact" for interval estimation of binomial proportions.
    """
    ends = torch.stack([torch.zeros_like(values[0]), torch.ones_like(values[0])])
    all_values = torch.cat([values, ends, ends]).double()
    return all_values.std(0, correction=0) / len(all_values) ** 0.5

"""p(x given z) = N(x; mean(z), σ² I), σ learned."""

import math
from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn

from vaerun.model.likelihood.normal import Normal
from vaerun.nn.bounded_scale import bounded_log_scale
from vaerun.notation import Column


@final
class GaussianLikelihood(Normal):
    """p(x given z) = N(x; mean(z), σ² I_X) with one learned σ, which starts at the standard deviation of the data.

    With σ = 1 it is the squared error up to constants; a learned σ balances the likelihood and the KL. Of standardised
    data (``data.standardise``), σ is in standardised units, and log p(x) in nats of the data as given.

    Args:
        data_dim: X.
        data_std: the initial σ; σ stays within a factor e^±7 of it.
        columns: those of x, if the data declare them.

    Reference: Rybkin, Daniilidis, Levine 2021, Simple and effective VAE training with calibrated decoders, §3.1.
    """

    def __init__(self, *, data_dim: int, data_std: float, columns: Sequence[Column] = ()) -> None:
        super().__init__(data_dim=data_dim, data_std=data_std, columns=columns)
        self.raw_log_sigma = nn.Parameter(torch.zeros(()))

    def log_sigma(self) -> Tensor:
        return math.log(self.data_std) + bounded_log_scale(self.raw_log_sigma)

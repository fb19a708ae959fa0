"""p(x given z) = N(x; mean(z), diag(σ_1², …, σ_X²)), σ learned."""

import math
from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn

from vaerun.model.likelihood.normal import Normal
from vaerun.nn.bounded_scale import bounded_log_scale
from vaerun.notation import Column


@final
class DiagonalGaussianLikelihood(Normal):
    """p(x given z) = N(x; mean(z), diag(σ_1², …, σ_X²)) with one learned σ_j for each coordinate.

    A coordinate that z explains well gets a small σ_j, so coordinates in different units, and with different noise, are
    weighed by what the model knows of them. Of standardised data (``data.standardise``), σ_j is in standardised units,
    and log p(x) in nats of the data as given. Like every density, it has no upper bound where x is discrete.

    Args:
        data_dim: X.
        data_std: the initial value of every σ_j; σ_j stays within a factor e^±7 of it.
        columns: those of x, if the data declare them.

    Reference: Rybkin, Daniilidis, Levine 2021, Simple and effective VAE training with calibrated decoders, §3.2;
    Bartholomew, Knott, Moustaki 2011, Latent variable models and factor analysis, §3 (a variance for each variable).
    """

    def __init__(self, *, data_dim: int, data_std: float, columns: Sequence[Column] = ()) -> None:
        super().__init__(data_dim=data_dim, data_std=data_std, columns=columns)
        self.raw_log_sigma = nn.Parameter(torch.zeros(data_dim))

    def log_sigma(self) -> Tensor:
        return math.log(self.data_std) + bounded_log_scale(self.raw_log_sigma)

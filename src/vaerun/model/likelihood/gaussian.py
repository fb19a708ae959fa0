"""p(x given z) = N(x; mean(z), σ² I), σ learned."""

import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from vaerun.model.likelihood.base import Likelihood
from vaerun.nn.bounded_scale import bounded_log_scale

HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


class GaussianLikelihood(Likelihood):
    """p(x given z) = N(x; mean(z), σ² I_X) with one learned σ, which starts at the standard deviation of the data.

    With σ = 1 it is the squared error up to constants; a learned σ balances the likelihood and the KL.

    Args:
        data_dim: X.
        data_std: the initial σ; σ stays within a factor e^±7 of it.

    Reference: Rybkin, Daniilidis, Levine 2021, Simple and effective VAE training with calibrated decoders, §3.1.
    """

    data_support: ClassVar[str] = "real"
    normalized: ClassVar[bool] = True

    def __init__(self, *, data_dim: int, data_std: float) -> None:
        super().__init__(data_dim=data_dim, data_std=data_std)
        self.raw_log_sigma = nn.Parameter(torch.zeros(()))

    @property
    def num_outputs(self) -> int:
        return self.data_dim

    def log_sigma(self) -> Tensor:
        """log σ, Float[Tensor, ""]."""
        return math.log(self.data_std) + bounded_log_scale(self.raw_log_sigma)

    def initial_outputs(self, data_mean: Tensor) -> Tensor:
        return data_mean

    def log_prob(self, x: Tensor, outputs: Tensor) -> Tensor:
        log_sigma = self.log_sigma()
        squares = ((x - outputs) * (-log_sigma).exp()).square().sum(-1)
        return -0.5 * squares - self.data_dim * (log_sigma + HALF_LOG_2PI)

    def mean(self, outputs: Tensor) -> Tensor:
        return outputs

    @torch.no_grad()
    def sample(self, outputs: Tensor) -> Tensor:
        return outputs + self.log_sigma().exp() * torch.randn_like(outputs)

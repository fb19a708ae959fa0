"""p(x given z) = N(x; mean(z), diag σ²): what normal likelihoods share."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from vaerun.model.likelihood.base import Likelihood
from vaerun.nn.normal import HALF_LOG_2PI
from vaerun.nn.units import Units
from vaerun.notation import Column


class Normal(Likelihood):
    """p(x given z) = N(y; outputs, diag σ²) |∂y/∂x|, y = x in standardised units, where σ does not depend on z.

    Without standardised columns, y = x.

    Args:
        data_dim: X.
        data_std: the initial σ where no column is standardised; otherwise it starts at 1.
        columns: those of x, if the data declare them.
    """

    data_support: ClassVar[str] = "real"
    normalized: ClassVar[bool] = True
    kinds: ClassVar[tuple[str, ...]] = ("real",)

    def __init__(self, *, data_dim: int, data_std: float, columns: Sequence[Column] = ()) -> None:
        super().__init__(data_dim=data_dim, data_std=1.0 if any(c.standardised for c in columns) else data_std)
        self.units = Units(columns)

    @property
    def with_noise(self) -> bool:
        return self.units.noise

    @property
    def num_outputs(self) -> int:
        return self.data_dim

    @abstractmethod
    def log_sigma(self) -> Tensor:
        """log σ, Float[Tensor, ""] or Float[Tensor, "X"]."""

    def initial_outputs(self, data_mean: Tensor) -> Tensor:
        return self.units(data_mean)

    def terms(self, x: Tensor, outputs: Tensor) -> Tensor:
        log_sigma = self.log_sigma()
        terms = -0.5 * ((self.units(x) - outputs) * (-log_sigma).exp()).square() - log_sigma - HALF_LOG_2PI
        return terms + self.units.log_volumes(x) if self.units.changes else terms

    def log_prob(self, x: Tensor, outputs: Tensor) -> Tensor:
        log_sigma = self.log_sigma()
        squares = ((self.units(x) - outputs) * (-log_sigma).exp()).square().sum(-1)
        constant = self.data_dim * (log_sigma.mean() + HALF_LOG_2PI)
        return -0.5 * squares - constant + self.units.log_volume(x)

    def mean(self, outputs: Tensor) -> Tensor:
        return self.units.inverse(outputs)

    def variance(self, outputs: Tensor) -> Tensor:
        return ((2 * self.log_sigma()).exp() * self.units.slope.square()).expand(outputs.shape)

    @torch.no_grad()
    def sample(self, outputs: Tensor) -> Tensor:
        return self.units.inverse(outputs + self.log_sigma().exp() * torch.randn_like(outputs))

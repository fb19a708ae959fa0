"""p(x given z) = N(x; mean(z), σ² I), σ given."""

import math
from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor

from vaerun.config.ranges import above
from vaerun.model.likelihood.normal import Normal
from vaerun.notation import Column


@final
class FixedGaussianLikelihood(Normal):
    """p(x given z) = N(x; mean(z), σ² I_X) with a given σ: −‖x − mean(z)‖²/(2σ²) up to a constant.

    σ decides which latents are used: with affine networks exactly those whose eigenvalue of the covariance of the data
    is above σ². Of standardised data (``data.standardise``), σ is in standardised units, and log p(x) in nats of the
    data as given.

    Args:
        data_dim: X.
        data_std: is not used.
        sigma: σ, in units of x, or in standardised units with ``data.standardise``.
        columns: those of x, if the data declare them.

    Raises:
        UserError: σ ≤ 0.

    Reference: Lucas, Tucker, Grosse, Norouzi 2019, Don't blame the ELBO! A linear VAE perspective on posterior
    collapse.
    """

    value: Tensor  # log σ, Float[Tensor, ""]

    def __init__(self, *, data_dim: int, data_std: float, sigma: float = 1.0, columns: Sequence[Column] = ()) -> None:
        above("model.likelihood.sigma", sigma, 0)
        super().__init__(data_dim=data_dim, data_std=data_std, columns=columns)
        self.register_buffer("value", torch.tensor(math.log(sigma)), persistent=False)

    def log_sigma(self) -> Tensor:
        return self.value

"""log N(z; μ, diag σ²): the density of independent normal coordinates."""

import math

from torch import Tensor

LOG_2PI = math.log(2 * math.pi)
HALF_LOG_2PI = 0.5 * LOG_2PI


def normal_log_prob(z: Tensor, mu: Tensor, log_sigma: Tensor) -> Tensor:
    """log N(z; μ, diag σ²) in nats: z Float[Tensor, "*K B D"], the others broadcast to it ↦ Float[Tensor, "*K B"]."""
    return -(0.5 * ((z - mu) * (-log_sigma).exp()).square() + log_sigma + HALF_LOG_2PI).sum(-1)

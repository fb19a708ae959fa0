"""Adam over θ, λ and the estimator's own weights."""

from collections.abc import Iterable

import torch
from torch import nn

from vaerun.errors import UserError


def adam(
    parameters: Iterable[nn.Parameter],
    *,
    learning_rate: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
) -> torch.optim.Optimizer:
    """Adam as one fused kernel, several times cheaper than torch's default loop on a CPU.

    Reference: Kingma, Ba 2015, Adam: a method for stochastic optimization, algorithm 1.
    """
    if learning_rate <= 0:
        raise UserError(f"optimizer.learning_rate={learning_rate} moves nothing: give a value > 0.")
    return torch.optim.Adam(
        parameters, lr=learning_rate, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay, fused=True
    )

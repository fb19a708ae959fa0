"""log σ = 7 tanh(raw / 7): a bounded parameterisation of scales σ > 0, for posteriors and likelihoods."""

import torch
from torch import Tensor

LIMIT = 7.0  # σ between e⁻⁷ and e⁷: sums of larger squares lose their smaller terms in float32


def bounded_log_scale(raw: Tensor) -> Tensor:
    """log σ = 7 tanh(raw / 7): close to raw near 0, and bounded, so that exp does not overflow; any shape."""
    return LIMIT * torch.tanh(raw / LIMIT)

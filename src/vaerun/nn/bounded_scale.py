"""Bounded scales: one parameterisation of σ > 0 for posteriors and likelihoods."""

import torch
from torch import Tensor

LIMIT = 7.0  # σ between e⁻⁷ and e⁷: beyond that float32 squares lose the other term of a sum


def bounded_log_scale(raw: Tensor) -> Tensor:
    """log σ = 7 tanh(raw / 7): the identity near 0, and never an overflow; any shape."""
    return LIMIT * torch.tanh(raw / LIMIT)

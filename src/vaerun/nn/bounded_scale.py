"""log σ = 7 tanh(raw / 7): a bounded parameterisation of scales σ > 0, for posteriors and likelihoods."""

import torch
from torch import Tensor

LIMIT = 7.0  # σ between e⁻⁷ and e⁷: sums of larger squares lose their smaller terms in float32


def bounded_log_scale(raw: Tensor) -> Tensor:
    """log σ = 7 tanh(raw / 7): close to raw near 0, and bounded, so that exp does not overflow; any shape."""
    return LIMIT * torch.tanh(raw / LIMIT)


def location_scale(phi: Tensor, dim: int) -> Tensor:
    """1 / √F of φ = (μ, raw, …): (σ, √½, 1, …), Float[Tensor, "B P"], without gradient.

    The Fisher information F of a normal distribution is 1/σ² in μ and 2 in log σ.

    Args:
        phi: D locations, D raw log σ, and other coordinates.
        dim: D.
    """
    with torch.no_grad():
        width = bounded_log_scale(phi[..., dim : 2 * dim]).exp()
        return torch.cat((width, torch.full_like(width, 0.5**0.5), torch.ones_like(phi[..., 2 * dim :])), dim=-1)

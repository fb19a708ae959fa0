"""x ↦ (t(x) − m)/s: the columns of x in standardised units, with the logarithm of the change of volume."""

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn

from vaerun.notation import Column


@final
class Units(nn.Module):
    """y_j = (t_j(x_j) − m_j)/s_j, and log |∂y_j/∂x_j| + log w_j, for the columns of x.

    t is the logarithm in a positive column and the identity in the others; m and s are those of a standardised column,
    and 0 and 1 in the others. A density of y, times |∂y/∂x|, is a density of x in the units of the data as they are
    given. Where uniform noise of width w is added to discrete x, w is the volume of its cell: E[log p(x + wu) + log w]
    is a lower bound on the log probability of x. Without columns, y = x. A missing value (nan) stays missing.

    Args:
        columns: those of x; none leaves x as it is.

    Reference: Theis, van den Oord, Bethge 2016, A note on the evaluation of generative models, §3.1 (uniform noise).
    """

    mean: Tensor
    scale: Tensor
    log: Tensor
    constant: Tensor

    def __init__(self, columns: Sequence[Column] = ()) -> None:
        super().__init__()
        moved = [c.standardised and c.kind in ("real", "positive") for c in columns]
        mean = [c.mean if move else 0.0 for c, move in zip(columns, moved, strict=True)]
        scale = torch.tensor([c.std if move else 1.0 for c, move in zip(columns, moved, strict=True)])
        width = torch.tensor([c.width or 1.0 for c in columns])
        self.register_buffer("mean", torch.tensor(mean), persistent=False)
        self.register_buffer("scale", scale, persistent=False)
        self.register_buffer("constant", width.log() - scale.log(), persistent=False)
        self.register_buffer("log", torch.tensor([c.kind == "positive" for c in columns]), persistent=False)
        self.changes = any(moved) or any(c.kind == "positive" or c.width for c in columns)
        self.noise = any(c.width > 0 for c in columns)
        self.logarithms = any(c.kind == "positive" for c in columns)

    @property
    def slope(self) -> Tensor:
        """∂x_j/∂y_j where no column is a logarithm, Float[Tensor, "X"]; 1 without columns."""
        return self.scale if self.changes else self.scale.new_ones(())

    def forward(self, x: Tensor) -> Tensor:
        """y of x, Float[Tensor, "*B X"]."""
        if not self.changes:
            return x
        if self.logarithms:
            x = torch.where(self.log, self.positive(x).log(), x)
        return (x - self.mean) / self.scale

    def inverse(self, y: Tensor) -> Tensor:
        """x of y, Float[Tensor, "*B X"]; the logarithm of a positive value is bounded, so that it does not overflow."""
        if not self.changes:
            return y
        x = y * self.scale + self.mean
        return torch.where(self.log, torch.where(self.log, x, 0.0).clamp(-80, 80).exp(), x) if self.logarithms else x

    def log_volumes(self, x: Tensor) -> Tensor:
        """log |∂y_j/∂x_j| + log w_j of each coordinate, Float[Tensor, "*B X"]."""
        if not self.logarithms:
            return self.constant.expand_as(x) if self.changes else torch.zeros_like(x)
        return self.constant - torch.where(self.log, self.positive(x).log(), 0.0)

    def log_volume(self, x: Tensor) -> Tensor:
        """Σ_j log |∂y_j/∂x_j| + log w_j, Float[Tensor, "*#B"]; a single number where it is the same for every x."""
        if not self.changes:
            return x.new_zeros(())
        return self.log_volumes(x).sum(-1) if self.logarithms else self.constant.sum()

    def positive(self, x: Tensor) -> Tensor:
        """x in positive columns, at least the smallest normal number, and 1 in the others."""
        return torch.where(self.log, x, 1.0).clamp(min=torch.finfo(x.dtype).tiny)

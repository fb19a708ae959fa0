"""Gradient ascent with momentum for each row of Φ."""

from typing import NamedTuple

import torch
from torch import Tensor

from vaerun.config.ranges import above, below
from vaerun.local.optimizer.base import LocalOptimizer


class RowSGDState(NamedTuple):
    """The velocities v of R rows."""

    velocity: Tensor  # Float[Tensor, "R P"]


class LocalSGD(LocalOptimizer):
    """v ← μ v + g min(1, c/‖g‖), Δφ = α v: gradient ascent with momentum μ and a clipped gradient for each row.

    μ = 0 gives plain gradient ascent. Its steps become shorter near the optimum, while those of Adam keep their length.

    Args:
        learning_rate: α.
        momentum: μ.
        max_norm: c, the largest norm of a row's gradient, in nats per unit of φ.

    Raises:
        UserError: α ≤ 0, c ≤ 0, or μ is outside [0, 1).

    Reference: Polyak 1964, Some methods of speeding up the convergence of iteration methods; Kim et al. 2018,
    Semi-amortized variational autoencoders, algorithm 1 (its inner steps).
    """

    def __init__(self, *, learning_rate: float = 0.01, momentum: float = 0.5, max_norm: float = 5.0) -> None:
        above("local.optimizer.learning_rate", learning_rate, 0)
        below("local.optimizer.momentum", momentum, 0, 1)
        above("local.optimizer.max_norm", max_norm, 0)
        self.learning_rate, self.momentum, self.max_norm = learning_rate, momentum, max_norm

    def init(self, phi: Tensor) -> RowSGDState:
        return RowSGDState(torch.zeros_like(phi))

    def update(self, gradient: Tensor, state: RowSGDState, scale: Tensor) -> tuple[Tensor, RowSGDState]:
        velocity = self.momentum * state.velocity + clipped(gradient, self.max_norm)
        return self.learning_rate * velocity, RowSGDState(velocity)


def clipped(rows: Tensor, length: float) -> Tensor:
    """Every row with its norm clipped to ``length``, Float[Tensor, "R P"]."""
    square = rows.square().sum(1, keepdim=True).clamp(min=torch.finfo(rows.dtype).tiny)
    return rows * (length * square.rsqrt()).clamp(max=1.0)

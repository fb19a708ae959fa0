"""Gradient ascent with momentum over rows."""

from typing import NamedTuple

import torch
from torch import Tensor

from vaerun.config.ranges import above, below
from vaerun.local.optimizer.base import LocalOptimizer


class RowSGDState(NamedTuple):
    """Velocities of R rows."""

    velocity: Tensor  # Float[Tensor, "R P"]


class LocalSGD(LocalOptimizer):
    """v ← μ v + g min(1, c/‖g‖), step = α v: gradient ascent with momentum μ, each row's gradient at most c long.

    At μ = 0 the plain step. Under noise its steps shrink as a row nears its optimum, where Adam's keep their length.

    Args:
        learning_rate: α.
        momentum: μ.
        max_norm: c, in nats per unit of φ.

    Raises:
        UserError: α or c is not positive, or μ is not in [0, 1).

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

    def update(self, gradient: Tensor, state: RowSGDState) -> tuple[Tensor, RowSGDState]:
        velocity = self.momentum * state.velocity + clipped(gradient, self.max_norm)
        return self.learning_rate * velocity, RowSGDState(velocity)


def clipped(rows: Tensor, length: float) -> Tensor:
    """Each row, shortened to ``length`` where it is longer, Float[Tensor, "R P"]."""
    square = rows.square().sum(1, keepdim=True).clamp(min=torch.finfo(rows.dtype).tiny)
    return rows * (length * square.rsqrt()).clamp(max=1.0)

"""Adam over rows, the step count of a row its own."""

from typing import NamedTuple

import torch
from torch import Tensor

from vaerun.config.ranges import above, at_least, below
from vaerun.local.optimizer.base import LocalOptimizer


class RowAdamState(NamedTuple):
    """Moments and step counts of R rows."""

    m: Tensor  # Float[Tensor, "R P"]
    v: Tensor  # Float[Tensor, "R P"]
    count: Tensor  # type: ignore[assignment]  # Int[Tensor, "R 1"]


class LocalAdam(LocalOptimizer):
    """step = α m̂ / (√v̂ + ε), m̂ = m / (1 − β₁^t), v̂ = v / (1 − β₂^t), with t the steps this row has taken.

    A dense Adam over the table would move the rows of points that are not in the batch, and correct the bias of a row
    by the steps of all others.

    Args:
        learning_rate: α.
        beta1: decay of m.
        beta2: decay of v.
        eps: ε.

    Raises:
        UserError: α is not positive, or a decay is not in [0, 1).

    Reference: Kingma, Ba 2015, Adam: a method for stochastic optimization, algorithm 1.
    """

    def __init__(
        self, *, learning_rate: float = 0.1, beta1: float = 0.9, beta2: float = 0.95, eps: float = 1e-8
    ) -> None:
        above("local.optimizer.learning_rate", learning_rate, 0)
        below("local.optimizer.beta1", beta1, 0, 1)
        below("local.optimizer.beta2", beta2, 0, 1)
        at_least("local.optimizer.eps", eps, 0)
        self.learning_rate, self.beta1, self.beta2, self.eps = learning_rate, beta1, beta2, eps

    def init(self, phi: Tensor) -> RowAdamState:
        count = torch.zeros(len(phi), 1, dtype=torch.int32, device=phi.device)
        return RowAdamState(torch.zeros_like(phi), torch.zeros_like(phi), count)

    def update(self, gradient: Tensor, state: RowAdamState) -> tuple[Tensor, RowAdamState]:
        count = state.count + 1
        m = torch.lerp(gradient, state.m, self.beta1)
        v = torch.lerp(gradient.square(), state.v, self.beta2)
        m_hat = m / (1 - self.beta1**count)
        # Where a gradient is 0 the root has no derivative, which a strategy that differentiates the steps asks for.
        v_hat = (v / (1 - self.beta2**count)).clamp(min=torch.finfo(v.dtype).tiny)
        return self.learning_rate * m_hat / (v_hat.sqrt() + self.eps), RowAdamState(m, v, count)

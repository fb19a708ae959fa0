"""Adamax: Adam with the infinity norm."""

from collections.abc import Iterable
from typing import ClassVar, final

import torch
from torch import Tensor, nn

from vaerun.config.ranges import above, at_least, below
from vaerun.optimizer.own import OwnOptimizer, powers
from vaerun.schedule.base import Schedule


@final
class Adamax(OwnOptimizer):
    """w ← w − α / (1 − β₁^t) · m / u, with u ← max(β₂ u, |g| + ε): Adam with the infinity norm.

    Args:
        parameters: the weights w.
        learning_rate: α.
        beta1: decay of m.
        beta2: decay of u.
        eps: ε, > 0.
        weight_decay: c in g + c w, which replaces the gradient g.
        max_norm: a larger norm of the whole gradient is reduced to this value; None for no limit.
        skip_norm: a step with a larger norm of the gradient is skipped and counted; None to skip no step.
        average_decay: decay of the averages of the weights that evaluations use; None for the weights themselves.
        schedule: α(t) as a fraction of ``learning_rate``; None for 1.

    Raises:
        UserError: a value is out of its range.

    Reference: Kingma, Ba 2015, Adam: a method for stochastic optimization, algorithm 2 (with the ε of
    torch.optim.Adamax).
    """

    names: ClassVar[tuple[str, ...]] = ("exp_avg", "exp_inf")

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        *,
        learning_rate: float = 2e-3,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        max_norm: float | None = None,
        skip_norm: float | None = None,
        average_decay: float | None = None,
        schedule: Schedule | None = None,
    ) -> None:
        super().__init__(
            parameters,
            learning_rate=learning_rate,
            max_norm=max_norm,
            skip_norm=skip_norm,
            average_decay=average_decay,
            schedule=schedule,
        )
        below("optimizer.beta1", beta1, 0, 1)
        below("optimizer.beta2", beta2, 0, 1)
        above("optimizer.eps", eps, 0)
        at_least("optimizer.weight_decay", weight_decay, 0)
        self.beta1, self.beta2, self.eps, self.weight_decay = beta1, beta2, eps, weight_decay

    def update(self, weights: list[Tensor], gradients: list[Tensor], states: list[list[Tensor]], rate: Tensor) -> None:
        means, maxima, counts = states
        sizes = (rate / (1 - powers(self.beta1, counts))).unbind()
        for weight, gradient, m, u, size in zip(weights, gradients, means, maxima, sizes, strict=True):
            slope = gradient + self.weight_decay * weight if self.weight_decay else gradient
            m.lerp_(slope, 1 - self.beta1)
            u.copy_(torch.maximum(self.beta2 * u, slope.abs() + self.eps))
            weight -= size * m / u

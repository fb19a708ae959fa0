"""Stochastic gradient descent with momentum."""

from collections.abc import Iterable
from typing import ClassVar, final

from torch import Tensor, nn

from vaerun.config.ranges import at_least, below
from vaerun.optimizer.own import OwnOptimizer
from vaerun.schedule.base import Schedule


@final
class SGD(OwnOptimizer):
    """w ← w − α b, with b ← μ b + g: gradient descent with momentum; at μ = 0, plain gradient descent.

    Args:
        parameters: the weights w.
        learning_rate: α.
        momentum: μ.
        weight_decay: c in g + c w, which replaces the gradient g.
        max_norm: a larger norm of the whole gradient is reduced to this value; None for no limit.
        skip_norm: a step with a larger norm of the gradient is skipped and counted; None to skip no step.
        average_decay: decay of the averages of the weights that evaluations use; None for the weights themselves.
        schedule: α(t) as a fraction of ``learning_rate``; None for 1.

    Raises:
        UserError: a value is out of its range.

    Reference: Robbins, Monro 1951, A stochastic approximation method; Polyak 1964 (momentum, as in torch.optim.SGD).
    """

    names: ClassVar[tuple[str, ...]] = ("momentum_buffer",)

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        *,
        learning_rate: float = 1e-3,
        momentum: float = 0.9,
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
        below("optimizer.momentum", momentum, 0, 1)
        at_least("optimizer.weight_decay", weight_decay, 0)
        self.momentum, self.weight_decay = momentum, weight_decay

    def update(self, weights: list[Tensor], gradients: list[Tensor], states: list[list[Tensor]], rate: Tensor) -> None:
        for weight, gradient, b in zip(weights, gradients, states[0], strict=True):
            slope = gradient + self.weight_decay * weight if self.weight_decay else gradient
            b.mul_(self.momentum).add_(slope)
            weight -= rate * b

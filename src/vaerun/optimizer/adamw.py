"""AdamW: Adam with weight decay apart from the gradient."""

from collections.abc import Iterable
from typing import ClassVar, final

from torch import Tensor, nn

from vaerun.config.ranges import at_least, below
from vaerun.optimizer.adam import plain
from vaerun.optimizer.own import OwnOptimizer
from vaerun.schedule.base import Schedule


@final
class AdamW(OwnOptimizer):
    """w ← (1 − α c) w − α m̂ / (√v̂ + ε): Adam's step, and a decay of the weights that m and v do not see.

    Args:
        parameters: the weights w.
        learning_rate: α.
        beta1: decay of m.
        beta2: decay of v.
        eps: ε.
        weight_decay: c.
        max_norm: a larger norm of the whole gradient is reduced to this value; None for no limit.
        skip_norm: a step with a larger norm of the gradient is skipped and counted; None to skip no step.
        average_decay: decay of the averages of the weights that evaluations use; None for the weights themselves.
        schedule: α(t) as a fraction of ``learning_rate``; None for 1.

    Raises:
        UserError: a value is out of its range.

    Reference: Loshchilov, Hutter 2019, Decoupled weight decay regularization, algorithm 2 (as in torch.optim.AdamW).
    """

    names: ClassVar[tuple[str, ...]] = ("exp_avg", "exp_avg_sq")

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        *,
        learning_rate: float = 1e-3,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        weight_decay: float = 0.01,
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
        at_least("optimizer.eps", eps, 0)
        at_least("optimizer.weight_decay", weight_decay, 0)
        self.constants = {"beta1": beta1, "beta2": beta2, "eps": eps}
        self.weight_decay = weight_decay

    def update(self, weights: list[Tensor], gradients: list[Tensor], states: list[list[Tensor]], rate: Tensor) -> None:
        m, v, t = states
        for weight in weights:
            weight *= 1 - rate * self.weight_decay
        plain(weights, gradients, m, v, t, lr=rate, **self.constants, weight_decay=0.0)

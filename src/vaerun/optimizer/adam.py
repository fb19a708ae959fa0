"""Adam for θ, λ and the weights of the estimator."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, final

import torch
from torch import Tensor, nn

from vaerun.config.ranges import at_least, below
from vaerun.optimizer.own import OwnOptimizer, powers
from vaerun.schedule.base import Schedule


@final
class Adam(OwnOptimizer):
    """w ← w − α m̂ / (√v̂ + ε), with m̂ = m / (1 − β₁^t) and v̂ = v / (1 − β₂^t): all weights in one fused kernel.

    The results are identical to torch.optim.Adam(fused=True), to the bit, and the state has the same names; t counts
    the steps of each weight. The class calls torch's kernel directly: constructing an optimiser of torch.optim imports
    torch's compiler, which takes as long as importing the rest of torch. A step does not wait for the device. In a
    compiled program it consists of plain operations, and rounds differently.

    Args:
        parameters: the weights w.
        learning_rate: α.
        beta1: decay of m.
        beta2: decay of v.
        eps: ε.
        weight_decay: c in g + c w, which replaces the gradient g.
        max_norm: a larger norm of the whole gradient is reduced to this value, before weight decay; None for no limit.
        skip_norm: a step with a larger norm of the gradient is skipped and counted; None to skip no step.
        average_decay: decay of the averages of the weights that evaluations use; None for the weights themselves.
        schedule: α(t) as a fraction of ``learning_rate``; None for 1.

    Raises:
        UserError: a value is out of its range.

    Reference: Kingma, Ba 2015, Adam: a method for stochastic optimization, algorithm 1.
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
        at_least("optimizer.eps", eps, 0)
        at_least("optimizer.weight_decay", weight_decay, 0)
        self.constants = {"beta1": beta1, "beta2": beta2, "eps": eps, "weight_decay": weight_decay}

    def update_eagerly(
        self, weights: list[Tensor], gradients: list[Tensor], states: list[list[Tensor]], rate: float
    ) -> None:
        m, v, t = states
        if kernel is None:
            self.update(weights, gradients, states, self.rate)
        else:
            kernel(weights, gradients, m, v, [], t, lr=rate, **self.constants, amsgrad=False, maximize=False)

    def update(self, weights: list[Tensor], gradients: list[Tensor], states: list[list[Tensor]], rate: Tensor) -> None:
        m, v, t = states
        plain(weights, gradients, m, v, t, lr=rate, **self.constants)


def plain(
    weights: Sequence[Tensor],
    gradients: Sequence[Tensor],
    means: Sequence[Tensor],
    squares: Sequence[Tensor],
    counts: Sequence[Tensor],
    *,
    lr: Tensor,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
) -> None:
    """The Adam step in plain tensor operations, weight by weight."""
    left1, left2 = (1 - powers(beta, counts) for beta in (beta1, beta2))
    scales = zip((lr / left1).unbind(), left2.rsqrt().unbind(), strict=True)
    for weight, gradient, m, v, (size, root) in zip(weights, gradients, means, squares, scales, strict=True):
        slope = gradient + weight_decay * weight if weight_decay else gradient
        m.lerp_(slope, 1 - beta1)
        v.mul_(beta2).addcmul_(slope, slope, value=1 - beta2)
        weight -= size * m / (v.sqrt() * root + eps)


# The name in torch is private, and a later version may not have it.
kernel: Callable[..., Any] | None = getattr(torch, "_fused_adam_", None)

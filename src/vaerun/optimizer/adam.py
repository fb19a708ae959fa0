"""Adam over θ, λ and the estimator's own weights."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, final

import torch
from torch import Tensor, nn

from vaerun.errors import UserError
from vaerun.optimizer.base import Optimizer


@final
class Adam(Optimizer):
    """w ← w − α m̂ / (√v̂ + ε), with m̂ = m / (1 − β₁^t) and v̂ = v / (1 − β₂^t): all weights in one fused kernel.

    It moves the weights to the bit as torch.optim.Adam(fused=True) does and keeps its state under the same names; t
    counts the steps of each weight for itself. It calls the kernel itself, because to construct any torch.optim
    optimiser imports torch's compiler, which takes as long as importing the rest of torch. A step never waits for the
    device.

    Args:
        parameters: the weights w.
        learning_rate: α.
        beta1: decay of m.
        beta2: decay of v.
        eps: ε.
        weight_decay: c in g + c w, which takes the place of the gradient g.

    Raises:
        UserError: a value is out of its range.

    Reference: Kingma, Ba 2015, Adam: a method for stochastic optimization, algorithm 1.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        *,
        learning_rate: float = 1e-3,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        if not 0 < learning_rate < math.inf:
            raise UserError(f"optimizer.learning_rate={learning_rate} is no step size: give a finite value > 0.")
        for name, decay in (("beta1", beta1), ("beta2", beta2)):
            if not 0 <= decay < 1:
                raise UserError(f"optimizer.{name}={decay} is no decay: give a number in [0, 1).")
        if not (weight_decay >= 0 and eps >= 0):
            raise UserError(
                f"optimizer.weight_decay={weight_decay} and eps={eps} must not be negative: give 0 or more."
            )
        self.weights = list(parameters)
        self.param_groups = [{"params": self.weights, "lr": learning_rate}]
        self.state: dict[Tensor, dict[str, Tensor]] = {}
        self.constants = {"beta1": beta1, "beta2": beta2, "eps": eps, "weight_decay": weight_decay}

    @torch.no_grad()
    def step(self) -> None:
        pairs = [(weight, weight.grad) for weight in self.weights if weight.grad is not None]
        if not pairs:
            return
        moved = [weight for weight, _ in pairs]
        gradients = [in_memory_as(weight, gradient) for weight, gradient in pairs]
        states = [self.state.get(weight) or self.begin(weight) for weight in moved]
        m, v, t = ([state[name] for state in states] for name in ("exp_avg", "exp_avg_sq", "step"))
        torch._foreach_add_(t, 1)
        (group,) = self.param_groups
        kernel(moved, gradients, m, v, [], t, lr=group["lr"], **self.constants, amsgrad=False, maximize=False)

    def begin(self, weight: Tensor) -> dict[str, Tensor]:
        """The state of a weight before its first step."""
        state = {name: torch.zeros_like(weight) for name in ("exp_avg", "exp_avg_sq")}
        self.state[weight] = {"step": torch.zeros((), dtype=torch.float32, device=weight.device), **state}
        return self.state[weight]

    def state_dict(self) -> dict[str, Any]:
        held = {place: self.state[weight] for place, weight in enumerate(self.weights) if weight in self.state}
        return {"state": held, "param_groups": [{"lr": self.param_groups[0]["lr"]}]}

    @torch.no_grad()
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.state = {}
        for place, saved in state_dict["state"].items():
            for name, value in self.begin(self.weights[place]).items():
                value.copy_(saved[name])
        self.param_groups[0]["lr"] = state_dict["param_groups"][0]["lr"]


def in_memory_as(weight: Tensor, gradient: Tensor) -> Tensor:
    """The gradient with the strides of its weight: the kernel walks both in the order of memory, and does not ask."""
    if gradient.stride() == weight.stride():
        return gradient
    return torch.empty_like(weight).copy_(gradient)


def unfused(
    weights: Sequence[Tensor],
    gradients: Sequence[Tensor],
    means: Sequence[Tensor],
    squares: Sequence[Tensor],
    maxima: Sequence[Tensor],
    counts: Sequence[Tensor],
    *,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    amsgrad: bool,
    maximize: bool,
) -> None:
    """The same in plain operations, weight by weight."""
    for weight, gradient, m, v, count in zip(weights, gradients, means, squares, counts, strict=True):
        slope = gradient + weight_decay * weight
        t = count.double()  # a power near 1 loses digits in float32
        m.lerp_(slope, 1 - beta1)
        v.mul_(beta2).addcmul_(slope, slope, value=1 - beta2)
        root = (v / (1 - beta2**t)).sqrt() + eps
        weight -= lr * (m / (1 - beta1**t)) / root


# torch's own name for it is private, and may be gone one day.
kernel: Callable[..., Any] = getattr(torch, "_fused_adam_", unfused)

"""Adam for θ, λ and the weights of the estimator."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, final

import torch
from torch import Tensor, nn

from vaerun.config.ranges import above, at_least, below
from vaerun.optimizer.base import Optimizer, TraceableOptimizer


@final
class Adam(TraceableOptimizer, Optimizer):
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
        max_norm: float | None = None,
    ) -> None:
        above("optimizer.learning_rate", learning_rate, 0)
        below("optimizer.beta1", beta1, 0, 1)
        below("optimizer.beta2", beta2, 0, 1)
        at_least("optimizer.eps", eps, 0)
        at_least("optimizer.weight_decay", weight_decay, 0)
        above("optimizer.max_norm", max_norm, 0, "use null for no limit")
        self.weights = list(parameters)
        self.param_groups = [{"params": self.weights, "lr": learning_rate}]
        self.state: dict[Tensor, dict[str, Tensor]] = {}
        self.placed: tuple[float, Tensor] | None = None  # α, and α on the device of the weights
        self.constants = {"beta1": beta1, "beta2": beta2, "eps": eps, "weight_decay": weight_decay}
        self.max_norm = max_norm

    @torch.no_grad()
    def step(self) -> None:
        pairs = [(weight, weight.grad) for weight in self.weights if weight.grad is not None]
        if not pairs:
            return
        moved = [weight for weight, _ in pairs]
        gradients = clipped([in_memory_as(weight, gradient) for weight, gradient in pairs], self.max_norm)
        m, v, t = self.states(moved)
        torch._foreach_add_(t, 1)
        (group,) = self.param_groups
        kernel(moved, gradients, m, v, [], t, lr=group["lr"], **self.constants, amsgrad=False, maximize=False)

    @property
    def rate(self) -> Tensor:
        alpha, device = self.param_groups[0]["lr"], self.weights[0].device
        if self.placed is None or self.placed[0] != alpha or self.placed[1].device != device:
            self.placed = alpha, torch.full((), alpha, dtype=torch.float64, device=device)
        return self.placed[1]

    @torch.no_grad()
    def move(self, weights: Sequence[nn.Parameter], gradients: Sequence[Tensor | None], rate: Tensor) -> None:
        moved = [weight for weight, gradient in zip(weights, gradients, strict=True) if gradient is not None]
        if not moved:
            return
        given = clipped([gradient for gradient in gradients if gradient is not None], self.max_norm)
        m, v, t = self.states(moved)
        for count in t:
            count.add_(1)
        plain(moved, given, m, v, t, lr=rate, **self.constants)

    def state_tensors(self, weights: Sequence[nn.Parameter]) -> list[Tensor]:
        return [tensor for tensors in self.states(weights) for tensor in tensors]

    def states(self, weights: Iterable[nn.Parameter]) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """m, v and t of each weight."""
        states = [self.state.get(weight) or self.begin(weight) for weight in weights]
        m, v, t = ([state[name] for state in states] for name in ("exp_avg", "exp_avg_sq", "step"))
        return m, v, t

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
        # In place, because a compiled program reads and writes these tensors.
        for place, weight in enumerate(self.weights):
            saved = state_dict["state"].get(place)
            if saved is not None:
                for name, value in (self.state.get(weight) or self.begin(weight)).items():
                    value.copy_(saved[name])
            elif weight in self.state:
                for value in self.state[weight].values():
                    value.zero_()
        self.param_groups[0]["lr"] = state_dict["param_groups"][0]["lr"]


def clipped(gradients: list[Tensor], max_norm: float | None) -> list[Tensor]:
    """The gradients times min(1, max_norm / ‖g‖), with the norm ‖g‖ of all of them together."""
    if max_norm is None:
        return gradients
    norm = torch.stack([gradient.norm() for gradient in gradients]).norm()
    factor = (max_norm / norm).clamp(max=1.0)
    return [gradient * factor for gradient in gradients]


def in_memory_as(weight: Tensor, gradient: Tensor) -> Tensor:
    """The gradient with the strides of its weight, which the kernel requires but does not check."""
    if gradient.stride() == weight.stride():
        return gradient
    return torch.empty_like(weight).copy_(gradient)


def plain(
    weights: Sequence[Tensor],
    gradients: Sequence[Tensor],
    means: Sequence[Tensor],
    squares: Sequence[Tensor],
    counts: Sequence[Tensor],
    *,
    lr: float | Tensor,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
) -> None:
    """The Adam step in plain tensor operations, weight by weight."""
    t = torch.stack(list(counts)).double()  # powers of numbers near 1 lose digits in float32
    # As exponentials, which a compiler evaluates once per weight and not once per element.
    left1, left2 = (1 - (t * (math.log(beta) if beta else -math.inf)).exp() for beta in (beta1, beta2))
    scales = zip((lr / left1).unbind(), left2.rsqrt().unbind(), strict=True)
    for weight, gradient, m, v, (size, root) in zip(weights, gradients, means, squares, scales, strict=True):
        slope = gradient + weight_decay * weight if weight_decay else gradient
        m.lerp_(slope, 1 - beta1)
        v.mul_(beta2).addcmul_(slope, slope, value=1 - beta2)
        weight -= size * m / (v.sqrt() * root + eps)


def unfused(
    weights: Sequence[Tensor],
    gradients: Sequence[Tensor],
    means: Sequence[Tensor],
    squares: Sequence[Tensor],
    maxima: Sequence[Tensor],
    counts: Sequence[Tensor],
    *,
    amsgrad: bool,
    maximize: bool,
    **settings: float,
) -> None:
    """``plain`` where torch's kernel is called."""
    plain(weights, gradients, means, squares, counts, **settings)


# The name in torch is private, and a later version may not have it.
kernel: Callable[..., Any] = getattr(torch, "_fused_adam_", unfused)

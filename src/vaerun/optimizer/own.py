"""The common part of vaerun's own optimisers: state tensors for each weight, one step eagerly or in a program."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from vaerun.config.ranges import above
from vaerun.optimizer.base import GuardedOptimizer, TraceableOptimizer
from vaerun.schedule.base import Schedule

COUNT = "step"
"""The state that counts the steps of a weight."""


class OwnOptimizer(GuardedOptimizer, TraceableOptimizer, ABC):
    """w ← w − α d(g, state): each weight has its own state, Float[Tensor, "*shape"], and its own count of steps.

    A step does not wait for the device. The state has the names that torch.optim gives it.

    Args:
        parameters: the weights w.
        learning_rate: α.
        max_norm: a larger norm of the whole gradient is reduced to this value; None for no limit.
        skip_norm: a step with a larger norm is skipped and counted; None to skip no step.
        average_decay: decay of the averages of the weights that evaluations use; None for the weights themselves.
        schedule: α(t) as a fraction of ``learning_rate``; None for 1.

    Raises:
        UserError: a value is out of its range.
    """

    names: ClassVar[tuple[str, ...]]  # of the state of a weight, without the count

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        *,
        learning_rate: float,
        max_norm: float | None,
        skip_norm: float | None,
        average_decay: float | None,
        schedule: Schedule | None,
    ) -> None:
        above("optimizer.learning_rate", learning_rate, 0)
        super().__init__(
            list(parameters),
            max_norm=max_norm,
            skip_norm=skip_norm,
            average_decay=average_decay,
            schedule=schedule,
        )
        self.param_groups: list[dict[str, Any]] = [{"params": self.weights, "lr": learning_rate}]
        self.state: dict[Tensor, dict[str, Tensor]] = {}
        self.placed: tuple[float, Tensor] | None = None  # α, and α on the device of the weights

    @abstractmethod
    def update(self, weights: list[Tensor], gradients: list[Tensor], states: list[list[Tensor]], rate: Tensor) -> None:
        """One step in plain tensor operations, in place.

        Args:
            weights: those with a gradient.
            gradients: of each, clipped.
            states: by name, in the order of ``names``, the tensors of each weight; last the counts, this step included.
            rate: α, Float[Tensor, ""], float64.
        """

    def update_eagerly(
        self, weights: list[Tensor], gradients: list[Tensor], states: list[list[Tensor]], rate: float
    ) -> None:
        """The same step outside of a program, where a fused kernel can take it; α is a number."""
        self.update(weights, gradients, states, self.rate)

    @torch.no_grad()
    def step(self) -> None:
        pairs = [(weight, weight.grad) for weight in self.weights if weight.grad is not None]
        if not pairs:
            return
        moved = [weight for weight, _ in pairs]
        gradients, taken = self.guarded([in_memory_as(weight, gradient) for weight, gradient in pairs])
        states = self.states(moved)
        before = self.copies(moved, states, taken)
        torch._foreach_add_(states[-1], 1)
        self.update_eagerly(list(moved), gradients, states, self.param_groups[0]["lr"])
        self.restore_skipped(moved, states, before, taken)

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
        given, taken = self.guarded([gradient for gradient in gradients if gradient is not None])
        states = self.states(moved)
        before = self.copies(moved, states, taken)
        for count in states[-1]:
            count.add_(1)
        self.update(list(moved), given, states, rate)
        self.restore_skipped(moved, states, before, taken)

    def copies(self, moved: Sequence[Tensor], states: list[list[Tensor]], taken: Tensor | None) -> list[Tensor]:
        """Copies of weights and states, if the step may be skipped."""
        return [] if taken is None else [tensor.clone() for tensors in (moved, *states) for tensor in tensors]

    def restore_skipped(
        self, moved: Sequence[Tensor], states: list[list[Tensor]], before: list[Tensor], taken: Tensor | None
    ) -> None:
        """Takes a step back that was to be skipped, without waiting for the device, and counts it."""
        if taken is None:
            return
        held = [tensor for tensors in (moved, *states) for tensor in tensors]
        for tensor, earlier in zip(held, before, strict=True):
            tensor.copy_(torch.where(taken, tensor, earlier))
        self.skipped.add_(~taken)

    def state_tensors(self, weights: Sequence[nn.Parameter]) -> list[Tensor]:
        states = [tensor for tensors in self.states(weights) for tensor in tensors]
        return states if self.skip_norm is None else [*states, self.skipped]

    def states(self, weights: Iterable[nn.Parameter]) -> list[list[Tensor]]:
        """The state tensors of the weights by name, and their counts."""
        held = [self.state.get(weight) or self.begin(weight) for weight in weights]
        return [[state[name] for state in held] for name in (*self.names, COUNT)]

    def begin(self, weight: Tensor) -> dict[str, Tensor]:
        """The state of a weight before its first step."""
        state = {name: torch.zeros_like(weight) for name in self.names}
        self.state[weight] = {COUNT: torch.zeros((), dtype=torch.float32, device=weight.device), **state}
        return self.state[weight]

    def state_dict(self) -> dict[str, Any]:
        held = {place: self.state[weight] for place, weight in enumerate(self.weights) if weight in self.state}
        return {"state": held, "param_groups": [{"lr": self.param_groups[0]["lr"]}], **self.skipped_state()}

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
        self.load_skipped(state_dict)


def in_memory_as(weight: Tensor, gradient: Tensor) -> Tensor:
    """The gradient with the strides of its weight, which a fused kernel requires but does not check."""
    if gradient.stride() == weight.stride():
        return gradient
    return torch.empty_like(weight).copy_(gradient)


def powers(beta: float, counts: Sequence[Tensor]) -> Tensor:
    """β^t of each weight, Float[Tensor, "n"], float64, because powers of numbers near 1 lose digits in float32."""
    t = torch.stack(list(counts)).double()
    # As exponentials, which a compiler evaluates once per weight and not once per element.
    return t.mul(math.log(beta)).exp() if beta else t.mul(-math.inf).exp()

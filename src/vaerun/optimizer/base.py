"""w ← w + Δw(∂loss/∂w): the interface of optimisers for the shared weights θ and λ."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from vaerun.config.ranges import above, below
from vaerun.metric.metric import Metric
from vaerun.schedule.base import Schedule

SKIPPED_STEPS = Metric(
    "skipped_steps",
    "not a bound: optimiser steps skipped so far, because the norm of the gradient was above optimizer.skip_norm",
)


class Optimizer(Protocol):
    """w ← w + Δw, a step that lowers the loss. Every optimiser of torch.optim has this interface.

    ``param_groups`` holds the weights by group, each a dict with the step size as ``lr``, which may be changed between
    two steps. Weights whose ``grad`` is None are skipped.
    """

    param_groups: list[dict[str, Any]]

    def step(self) -> object:
        """Updates every weight that has a gradient."""

    def state_dict(self) -> dict[str, Any]:
        """The state for a checkpoint: tensors and plain values, weights by their position."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restores the state of an optimiser of the same weights."""


class GuardedOptimizer(ABC):
    """w ← w + Δw(g · min(1, max_norm / ‖g‖)) if ‖g‖ ≤ skip_norm, else w ← w; ‖g‖ is the norm of the whole gradient.

    Args:
        parameters: the weights w.
        max_norm: a larger norm of the whole gradient is reduced to this value; None for no limit.
        skip_norm: a step with a larger norm, or one that is not finite, changes neither weights nor state, and is
            counted; None to skip no step.
        average_decay: decay of the averages of the weights that evaluations use; None for the weights themselves.
        schedule: the step size as a fraction of ``learning_rate``, over the epochs; None for 1.

    Attributes:
        weights: the weights w.
        schedule: as given; the strategy follows it.
        average_decay: as given; the strategy keeps the averages.

    Raises:
        UserError: a value is out of its range.

    Reference: Pascanu, Mikolov, Bengio 2013, On the difficulty of training recurrent neural networks, §3.2 (clipping);
    Child 2021, Very deep VAEs generalize autoregressive models, §3.4 (skipping).
    """

    def __init__(
        self,
        parameters: Sequence[nn.Parameter],
        *,
        max_norm: float | None = None,
        skip_norm: float | None = None,
        average_decay: float | None = None,
        schedule: Schedule | None = None,
    ) -> None:
        above("optimizer.max_norm", max_norm, 0, "use null for no limit")
        above("optimizer.skip_norm", skip_norm, 0, "use null to skip no step")
        below("optimizer.average_decay", average_decay, 0, 1, "use null for no average")
        self.weights = list(parameters)
        self.max_norm, self.skip_norm = max_norm, skip_norm
        self.average_decay, self.schedule = average_decay, schedule
        self._skipped: Tensor | None = None

    @abstractmethod
    def step(self) -> None:
        """Updates every weight that has a gradient."""

    @property
    def skipped(self) -> Tensor:
        """The number of skipped steps so far, Int[Tensor, ""], on the device of the weights."""
        if self._skipped is None:
            self._skipped = torch.zeros((), dtype=torch.int64, device=self.weights[0].device)
        return self._skipped

    def metrics(self) -> dict[Metric, Tensor]:
        """What a record says about the optimiser."""
        return {} if self.skip_norm is None else {SKIPPED_STEPS: self.skipped}

    def guarded(self, gradients: list[Tensor]) -> tuple[list[Tensor], Tensor | None]:
        """The clipped gradients, and whether the step is to be taken, Bool[Tensor, ""]; None if that is certain."""
        if self.max_norm is None and self.skip_norm is None:
            return gradients, None
        norm = torch.stack([gradient.norm() for gradient in gradients]).norm()
        if self.max_norm is not None:
            factor = (self.max_norm / norm).clamp(max=1.0)
            gradients = [gradient * factor for gradient in gradients]
        # NaN is not ≤ any number, so that the step is skipped.
        return gradients, None if self.skip_norm is None else norm <= self.skip_norm

    def skipped_state(self) -> dict[str, Any]:
        """The part of ``state_dict`` with the count."""
        return {} if self.skip_norm is None else {"skipped": self.skipped}

    @torch.no_grad()
    def load_skipped(self, state_dict: dict[str, Any]) -> None:
        """Restores the count in place, because a compiled program changes it; 0 where there is none."""
        if self.skip_norm is not None:
            self.skipped.copy_(torch.as_tensor(state_dict.get("skipped", 0)))


class TraceableOptimizer(ABC):
    """(w, g, α) ↦ w + Δw in the same tensor operations at every step, so that the step can be part of a program."""

    @property
    @abstractmethod
    def rate(self) -> Tensor:
        """The present step size α, Float[Tensor, ""], on the device of the weights: an input of the program."""

    @abstractmethod
    def move(self, weights: Sequence[nn.Parameter], gradients: Sequence[Tensor | None], rate: Tensor) -> None:
        """Updates each of ``weights`` that has a gradient, in plain tensor operations."""

    @abstractmethod
    def state_tensors(self, weights: Sequence[nn.Parameter]) -> list[Tensor]:
        """The state that a step of ``weights`` changes. It is changed in place, also by ``load_state_dict``."""

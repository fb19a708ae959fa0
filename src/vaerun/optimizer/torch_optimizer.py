"""Any optimiser of torch.optim."""

import inspect
from collections.abc import Callable, Iterable
from typing import Any, final

import torch
from torch import nn

from vaerun.config.ranges import above
from vaerun.config.trust import place_in, trusted
from vaerun.errors import RAISED, UserError
from vaerun.optimizer.base import GuardedOptimizer
from vaerun.schedule.base import Schedule


@final
class TorchOptimizer(GuardedOptimizer):
    """w ← w + Δw by an optimiser of torch.optim, with a limit on the gradient, a schedule and averages of the weights.

    Its step is not part of a compiled program. A step that may be skipped waits for the device.

    Args:
        parameters: the weights w.
        method: the class, such as torch.optim.RAdam, with values for its keys.
        learning_rate: its step size ``lr``.
        max_norm: a larger norm of the whole gradient is reduced to this value; None for no limit.
        skip_norm: a step with a larger norm of the gradient is skipped and counted; None to skip no step.
        average_decay: decay of the averages of the weights that evaluations use; None for the weights themselves.
        schedule: α(t) as a fraction of ``learning_rate``; None for 1.

    Raises:
        UserError: a value is out of its range, the method rejects a value, or it must evaluate the loss itself.

    Reference: Paszke et al. 2019, PyTorch: an imperative style, high-performance deep learning library.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        *,
        method: Callable[..., torch.optim.Optimizer],
        learning_rate: float = 1e-3,
        max_norm: float | None = None,
        skip_norm: float | None = None,
        average_decay: float | None = None,
        schedule: Schedule | None = None,
    ) -> None:
        above("optimizer.learning_rate", learning_rate, 0)
        super().__init__(
            list(parameters),
            max_norm=max_norm,
            skip_norm=skip_norm,
            average_decay=average_decay,
            schedule=schedule,
        )
        try:
            self.inner = method(self.weights, lr=learning_rate)
        except RAISED as error:
            place = place_in(error, trusted())
            if not place and not isinstance(error, (TypeError, ValueError, RuntimeError)):
                raise
            why = " ".join(str(error).split()).rstrip(".")
            why = f"{type(error).__name__}: {why}, in {place}" if place else why
            raise UserError(f"optimizer.method cannot be made ({why}): change its keys, or use another one.") from error
        closure = inspect.signature(self.inner.step).parameters.get("closure")
        if closure is not None and closure.default is inspect.Parameter.empty:
            raise UserError(
                f"optimizer.method={type(self.inner).__name__} evaluates the loss several times in a step, which a "
                f"random bound does not allow: use another one, such as torch.optim.RAdam."
            )

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The weights and settings of the method."""
        return self.inner.param_groups

    @torch.no_grad()
    def step(self) -> None:
        moved = [weight for weight in self.weights if weight.grad is not None]
        if not moved:
            return
        gradients, taken = self.guarded([weight.grad for weight in moved if weight.grad is not None])
        if taken is not None and not bool(taken):
            self.skipped.add_(1)
            return
        for weight, gradient in zip(moved, gradients, strict=True):
            weight.grad = gradient
        self.inner.step()

    def state_dict(self) -> dict[str, Any]:
        return {**self.inner.state_dict(), **self.skipped_state()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.inner.load_state_dict({name: state_dict[name] for name in ("state", "param_groups")})
        self.load_skipped(state_dict)

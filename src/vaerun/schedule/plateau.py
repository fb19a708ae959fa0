"""A value that falls by a factor when the validation bound no longer rises."""

import torch
from torch import Tensor

from vaerun.config.ranges import above, at_least
from vaerun.errors import UserError
from vaerun.schedule.base import Schedule

LOWEST = torch.finfo(torch.float64).min  # not −∞, because a checkpoint is finite


class Plateau(Schedule):
    """value(t) = max(end, start · factor^n): a value that falls when the validation bound no longer rises.

    n grows by 1 after more than ``patience`` validations in a row without a new best bound.
    The count of validations then starts again. The state is in buffers, so a checkpoint holds it.

    Args:
        start: the value at the first step.
        factor: of the value, in (0, 1).
        patience: validations without a new best bound that are accepted, 0 or more.
        end: the lowest value.

    Raises:
        UserError: a number is out of range.

    Reference: torch.optim.lr_scheduler.ReduceLROnPlateau with threshold=0.
    """

    reductions: Tensor  # Int[Tensor, ""]: how often the value has fallen
    best: Tensor  # Float[Tensor, ""], float64: the best validation bound so far
    waited: Tensor  # Int[Tensor, ""]: validations since then

    def __init__(self, start: float = 1.0, factor: float = 0.5, patience: int = 5, end: float = 0.0) -> None:
        above("start", start, 0)
        above("factor", factor, 0)
        at_least("patience", patience, 0)
        at_least("end", end, 0)
        if factor >= 1:
            raise UserError(f"factor must be below 1, got {factor}: the value falls on a plateau.")
        self.start, self.factor, self.patience, self.end = float(start), float(factor), patience, float(end)
        self.read = (-1, 0)  # the version of ``reductions`` that was read last, and its value on the host
        best = torch.tensor(LOWEST, dtype=torch.float64)
        super().__init__(reductions=torch.tensor(0), best=best, waited=torch.tensor(0))

    def at(self, epochs: float) -> float:
        if self.read[0] != self.reductions._version:  # so that a step waits for the device only after a change
            self.read = (self.reductions._version, int(self.reductions))
        return max(self.end, self.start * self.factor ** self.read[1])

    def begin(self) -> None:
        self.reductions.zero_()
        self.best.fill_(LOWEST)
        self.waited.zero_()

    def validated(self, bound: float) -> None:
        if bound > float(self.best):
            self.best.fill_(bound)
            self.waited.zero_()
            return
        self.waited.add_(1)
        if int(self.waited) > self.patience:
            self.reductions.add_(1)
            self.waited.zero_()

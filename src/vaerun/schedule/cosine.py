"""value(t) = end + (start − end) · (1 + cos(π t / epochs)) / 2."""

import math

from vaerun.config.ranges import above, at_least
from vaerun.schedule.base import Schedule


class Cosine(Schedule):
    """value(t) = end + (start − end) · (1 + cos(π min(1, t / epochs))) / 2: a slow start, a slow end, no restarts.

    Args:
        start: the value at the first step.
        end: the value after ``epochs``.
        epochs: length of the decay; None for the whole training, ``trainer_epochs``.
        trainer_epochs: trainer.epochs of the run.

    Raises:
        UserError: ``epochs`` ≤ 0, or a value is negative.

    Reference: Loshchilov, Hutter 2017, SGDR: stochastic gradient descent with warm restarts, eq. 5 (one cycle).
    """

    def __init__(
        self, start: float = 1.0, end: float = 0.0, epochs: float | None = None, trainer_epochs: float = 100.0
    ) -> None:
        at_least("start", start, 0)
        at_least("end", end, 0)
        above("epochs", epochs, 0, "use null for the whole training")
        self.start, self.end = float(start), float(end)
        self.epochs = float(trainer_epochs if epochs is None else epochs)
        self.length = self.epochs
        super().__init__()

    def at(self, epochs: float) -> float:
        return self.end + (self.start - self.end) * (1 + math.cos(math.pi * min(1.0, epochs / self.epochs))) / 2

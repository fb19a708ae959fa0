"""value(t) = start · factor^⌊t / every⌋."""

from vaerun.config.ranges import above
from vaerun.schedule.base import Schedule


class Step(Schedule):
    """value(t) = start · factor^⌊t / every⌋: a constant that is multiplied by a factor after every so many epochs.

    Args:
        start: the value of the first ``every`` epochs.
        factor: of the value, > 0.
        every: epochs between two changes, > 0.

    Raises:
        UserError: a number is ≤ 0.

    Reference: Bottou, Curtis, Nocedal 2018, Optimization methods for large-scale machine learning, §4.2 (a step size
    that is reduced in stages).
    """

    def __init__(self, start: float = 1.0, factor: float = 0.1, every: float = 30.0) -> None:
        above("start", start, 0)
        above("factor", factor, 0)
        above("every", every, 0)
        self.start, self.factor, self.every = float(start), float(factor), float(every)
        super().__init__()

    def at(self, epochs: float) -> float:
        return self.start * self.factor ** (epochs // self.every)

"""value(t) = start + (end − start) · min(1, t / epochs)."""

from vaerun.config.ranges import above
from vaerun.schedule.base import Schedule


class Linear(Schedule):
    """value(t) = start + (end − start) · min(1, t / epochs): a warm-up.

    Args:
        start: the value at the first step.
        end: the value from the end of the warm-up on.
        epochs: length of the warm-up. It must end within the run, otherwise the final objective is never trained.

    Raises:
        UserError: ``epochs`` ≤ 0.

    Reference: Bowman et al. 2016, Generating sentences from a continuous space, §3.1 (KL cost annealing).
    """

    def __init__(self, start: float = 0.0, end: float = 1.0, epochs: float = 10.0) -> None:
        above("epochs", epochs, 0)
        self.start, self.end, self.epochs = float(start), float(end), float(epochs)
        self.length = self.epochs
        super().__init__()

    def at(self, epochs: float) -> float:
        return self.start + (self.end - self.start) * min(1.0, epochs / self.epochs)

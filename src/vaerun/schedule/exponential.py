"""value(t) = max(end, start · exp(−rate · t))."""

import math

from vaerun.config.ranges import above, at_least
from vaerun.errors import UserError
from vaerun.schedule.base import Schedule


class Exponential(Schedule):
    """value(t) = max(end, start · exp(−rate · t)): a decay that stops at ``end``.

    Args:
        start: the value at the first step.
        end: the lowest value.
        rate: of the decay, per epoch.

    Raises:
        UserError: ``end`` is outside (0, start], or ``rate`` < 0.

    Reference: Jang, Gu, Poole 2017, Categorical reparameterization with Gumbel-softmax, §4.2 (their annealing).
    """

    def __init__(self, start: float = 1.0, end: float = 0.5, rate: float = 0.03) -> None:
        above("end", end, 0)
        at_least("rate", rate, 0)
        if not end <= start:
            raise UserError(f"end must be at most start={start} in an exponential decay, got {end}.")
        self.start, self.end, self.rate = float(start), float(end), float(rate)
        super().__init__()

    def at(self, epochs: float) -> float:
        return max(self.end, self.start * math.exp(-self.rate * epochs))

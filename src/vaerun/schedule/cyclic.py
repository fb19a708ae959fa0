"""value(t) = start + (end − start) · min(1, τ / proportion), τ the elapsed fraction of the present cycle."""

from vaerun.config.ranges import above, at_least
from vaerun.errors import UserError
from vaerun.schedule.base import Schedule


class Cyclic(Schedule):
    """value(t) = start + (end − start) · min(1, τ / proportion), τ = (t · cycles / epochs) mod 1: repeated warm-ups.

    The parameters are kept from cycle to cycle. After the last cycle, the value stays at ``end``.

    Args:
        start: the value at the start of a cycle.
        end: the value after the warm-up of a cycle.
        epochs: length of all cycles together. They must end inside the run.
        cycles: the number of cycles.
        proportion: the fraction of a cycle in which the value rises.

    Raises:
        UserError: ``epochs`` ≤ 0, ``cycles`` < 1, or ``proportion`` is outside (0, 1].

    Reference: Fu et al. 2019, Cyclical annealing schedule: a simple approach to mitigating KL vanishing, §4.
    """

    def __init__(
        self,
        start: float = 0.0,
        end: float = 1.0,
        epochs: float = 20.0,
        cycles: int = 4,
        proportion: float = 0.5,
    ) -> None:
        above("epochs", epochs, 0)
        at_least("cycles", cycles, 1)
        above("proportion", proportion, 0)
        if proportion > 1:
            raise UserError(f"proportion must be at most 1, got {proportion}: it is the rising part of a cycle.")
        self.start, self.end = float(start), float(end)
        self.epochs, self.cycles, self.proportion = float(epochs), cycles, proportion
        self.length = self.epochs
        super().__init__()

    def at(self, epochs: float) -> float:
        if epochs >= self.epochs:
            return self.end
        elapsed = epochs * self.cycles / self.epochs % 1
        return self.start + (self.end - self.start) * min(1.0, elapsed / self.proportion)

"""value(t) = start · factor^n, where n of the milestones are ≤ t."""

from collections.abc import Sequence

from vaerun.config.ranges import above
from vaerun.errors import UserError
from vaerun.schedule.base import Schedule


class Milestones(Schedule):
    """value(t) = start · factor^n, where n of the milestones are ≤ t: a constant that changes after given epochs.

    After the last milestone, the value stays.

    Args:
        start: the value before the first milestone.
        factor: of the value at each milestone, > 0.
        milestones: epochs, > 0 and in increasing order; at least one.

    Raises:
        UserError: ``start`` or ``factor`` is ≤ 0, or the milestones are not increasing numbers > 0.

    Reference: torch.optim.lr_scheduler.MultiStepLR of PyTorch.
    """

    def __init__(self, start: float = 1.0, factor: float = 0.1, milestones: Sequence[float] = (30, 60)) -> None:
        above("start", start, 0)
        above("factor", factor, 0)
        places = [float(place) for place in milestones]
        if not places or any(later <= earlier for earlier, later in zip([0.0, *places], places, strict=False)):
            raise UserError(f"milestones must be epochs > 0 in increasing order, got {list(milestones)}.")
        self.start, self.factor, self.milestones = float(start), float(factor), places
        self.length = places[-1]
        super().__init__()

    def at(self, epochs: float) -> float:
        return self.start * self.factor ** sum(epochs >= place for place in self.milestones)

"""value(t) = v."""

from vaerun.schedule.base import Schedule


class Constant(Schedule):
    """value(t) = v, at all times.

    Args:
        constant: v.
    """

    def __init__(self, constant: float = 1.0) -> None:
        self.constant = float(constant)
        super().__init__()

    def at(self, epochs: float) -> float:
        return self.constant

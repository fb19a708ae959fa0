"""value(t) = v."""

import math

from vaerun.errors import UserError
from vaerun.schedule.base import Schedule


class Constant(Schedule):
    """value(t) = v, at all times.

    Args:
        constant: v.

    Raises:
        UserError: v is negative or not finite.
    """

    def __init__(self, constant: float = 1.0) -> None:
        if not 0 <= constant < math.inf:
            raise UserError(f"a constant weight of {constant} is none: give a finite number of 0 or more.")
        self.constant = float(constant)
        super().__init__()

    def at(self, epochs: float) -> float:
        return self.constant

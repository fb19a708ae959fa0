"""value(t) = v."""

import math

from vaerun.config.ranges import at_least
from vaerun.errors import UserError
from vaerun.schedule.base import Schedule


class Constant(Schedule):
    """value(t) = v.

    Args:
        constant: v.

    Raises:
        UserError: v is negative or not finite.
    """

    def __init__(self, constant: float = 1.0) -> None:
        at_least("constant", constant, 0)
        if math.isinf(constant):
            raise UserError(f"constant must be finite, got {constant}.")
        self.constant = float(constant)
        super().__init__()

    def at(self, epochs: float) -> float:
        return self.constant

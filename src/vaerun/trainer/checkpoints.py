"""When checkpoints are written."""

from dataclasses import dataclass
from typing import final

from vaerun.config.ranges import at_least


@final
@dataclass(frozen=True)
class Checkpoints:
    """When the state of a training is saved.

    Args:
        seconds: the maximum age of the last checkpoint; the next step writes a new one, ≥ 0.

    Raises:
        UserError: ``seconds`` is negative or not a number.
    """

    seconds: float = 10.0

    def __post_init__(self) -> None:
        at_least("trainer.checkpoints.seconds", self.seconds, 0)

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
        every: epochs between two checkpoints that are kept, as ``epoch_N``, 1 or more; None to keep none.

    Raises:
        UserError: a number is out of range.
    """

    seconds: float = 10.0
    every: int | None = None

    def __post_init__(self) -> None:
        at_least("trainer.checkpoints.seconds", self.seconds, 0)
        at_least("trainer.checkpoints.every", self.every, 1, "use null to keep none")

"""When records and images are made."""

from dataclasses import dataclass
from typing import final

from vaerun.config.ranges import at_least


@final
@dataclass(frozen=True)
class Records:
    """When a training records.

    Args:
        every: steps between two records within an epoch, 1 or more; the end of an epoch is always recorded.
        images_every: validations between two sets of images, 0 for none.

    Raises:
        UserError: a number is out of range.
    """

    every: int = 100
    images_every: int = 10

    def __post_init__(self) -> None:
        at_least("trainer.records.every", self.every, 1)
        at_least("trainer.records.images_every", self.images_every, 0)

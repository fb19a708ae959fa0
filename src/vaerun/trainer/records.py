"""When records and images are made."""

from dataclasses import dataclass
from typing import final

from vaerun.errors import UserError


@final
@dataclass(frozen=True)
class Records:
    """When a training records.

    Args:
        every: steps between two records within an epoch, 1 or more; the end of an epoch is always one.
        images_every: validations between two sets of images, 0 for none.

    Raises:
        UserError: a number is out of range.
    """

    every: int = 100
    images_every: int = 10

    def __post_init__(self) -> None:
        if self.every < 1:
            raise UserError(f"trainer.records.every must be at least 1, got {self.every}.")
        if self.images_every < 0:
            raise UserError(f"trainer.records.images_every must be at least 0, got {self.images_every}.")

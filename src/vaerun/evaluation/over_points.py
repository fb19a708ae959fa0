"""mean_i f(x_i) over the points of one split, or over some of them: the base of most evaluations."""

from abc import ABC
from collections.abc import Callable, Iterator
from typing import TypeVar

from vaerun.config.ranges import at_least
from vaerun.data.base import Dataset, SplitName
from vaerun.data.loader import sweep
from vaerun.errors import UserError
from vaerun.evaluation.base import Evaluation
from vaerun.execution import parallel
from vaerun.notation import Batch

T = TypeVar("T")


class OverPoints(Evaluation, ABC):
    """Metrics that are means over all points of a split, or over some of them, evenly spread.

    Args:
        split: train, valid or test; new for points that the run was not trained with.
        points: how many points of it; None for all.

    Raises:
        UserError: the split does not exist, or ``points`` < 1.
    """

    def __init__(self, split: SplitName, points: int | None) -> None:
        if split not in ("train", "valid", "test", "new"):
            raise UserError(f"evaluation.split must be train, valid, test or new, got {split}.")
        at_least("evaluation.points", points, 1, "use null for all points")
        self.split: SplitName = split
        self.points = points

    def num_points(self, data: Dataset) -> int:
        available = len(data.split(self.split))
        return available if self.points is None else min(self.points, available)

    def over(self, data: Dataset, size: int, compute: Callable[[Batch], T]) -> list[T]:
        """compute(batch) for the points in order, at most ``size`` at a time; processes divide the points.

        Args:
            data: the three splits.
            size: of a batch.
            compute: batch ↦ nested tensors; it must not depend on other batches, which another process may have.
        """
        split = data.split(self.split)
        return parallel.share(sweep(split, size, self.points, own=True), compute, split.x.device)

    def batches(self, data: Dataset, size: int) -> Iterator[Batch]:
        """The points, at most ``size`` at a time, all of them on every process; ``over`` divides the work."""
        return sweep(data.split(self.split), size, self.points)

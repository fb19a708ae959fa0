"""mean_i f(x_i) over points of one split: what evaluations have in common that look at one point after the other."""

import math
from abc import ABC
from collections.abc import Iterator

from torch import Tensor

from vaerun.data.base import Dataset, SplitName
from vaerun.data.loader import sweep
from vaerun.errors import UserError
from vaerun.evaluation.base import Evaluation
from vaerun.notation import Batch


class OverPoints(Evaluation, ABC):
    """Figures that are means over all points of a split, or over some of them, evenly spread.

    Args:
        split: train, valid or test.
        points: how many points of it; None for all.

    Raises:
        UserError: no such split, or no points.
    """

    def __init__(self, split: SplitName, points: int | None) -> None:
        if split not in ("train", "valid", "test"):
            raise UserError(f"evaluation.split={split} is not a split: choose train, valid or test.")
        if points is not None and points < 1:
            raise UserError(f"evaluation.points={points} leaves nothing to average: give 1 or more, or null for all.")
        self.split: SplitName = split
        self.points = points

    def num_points(self, data: Dataset) -> int:
        available = len(data.split(self.split))
        return available if self.points is None else min(self.points, available)

    def batches(self, data: Dataset, size: int) -> Iterator[Batch]:
        """The points, at most ``size`` at a time."""
        return sweep(data.split(self.split), size, self.points)


def with_error(name: str, split: str, values: Tensor) -> dict[str, float]:
    """The mean of the points' values, Float[Tensor, "N"], and its standard error s/√N where there are two or more."""
    values = values.double()
    figures = {f"{name}/{split}": float(values.mean())}
    if len(values) > 1:
        figures[f"{name}_se/{split}"] = float(values.std() / math.sqrt(len(values)))
    return figures

"""Batches of a split, of fixed shape and in a random order that depends only on seed and epoch."""

from collections.abc import Iterator
from typing import final

import torch

from vaerun.config.ranges import at_least
from vaerun.data.split import Split
from vaerun.data.stream import stream
from vaerun.execution import parallel
from vaerun.notation import Batch


@final
class Loader:
    """(seed, e) ↦ the batches of epoch e, in the order of a permutation of 0 … N−1 that depends only on (seed, e).

    Every batch has the same shape: the incomplete last batch of an epoch is dropped, so a point is used at most once
    per epoch, and different points are dropped in each epoch. A batch size above N is reduced to N.

    Args:
        split: of the points.
        batch_size: B, at least 1.
        seed: of the order; torch's global generator is not used.
        own: if a run has several processes, the batches of each hold B/R points of its own share of the split
            (``execution.parallel.rows``), so that the same points always belong to the same process.

    Raises:
        UserError: B < 1, or the seed is not a whole number ≥ 0.
    """

    def __init__(self, split: Split, *, batch_size: int, seed: int, own: bool = False) -> None:
        at_least("batch_size", batch_size, 1)
        stream("seed", seed)
        self.split = split
        self.processes = parallel.size() if own else 1
        self.points = parallel.rows(len(split)) if own else range(len(split))
        self.batch_size = min(batch_size, len(split)) // self.processes  # of this process
        self.seed = seed

    @property
    def steps_per_epoch(self) -> int:
        """N // B, at least 1."""
        return len(self.split) // self.processes // self.batch_size  # the same on every process

    def epoch(self, e: int, start: int = 0) -> Iterator[Batch]:
        """Batches ``start``, …, ``steps_per_epoch`` − 1 of epoch ``e``: index [B] int64 and x [B, X] float32."""
        generator = stream("seed", self.seed, e * self.processes + (parallel.rank() if self.processes > 1 else 0))
        order = torch.randperm(len(self.points), generator=generator).add_(self.points.start).to(self.split.x.device)
        for step in range(start, self.steps_per_epoch):
            index = order[step * self.batch_size : (step + 1) * self.batch_size]
            yield Batch(index, self.split.points(index))


def sweep(split: Split, batch_size: int, points: int | None = None, *, own: bool = False) -> Iterator[Batch]:
    """All points once, in stored order; the last batch may be smaller. A ``Redrawn`` split is sampled anew.

    Args:
        split: of the points.
        batch_size: B, at least 1.
        points: use only this number of evenly spaced points; stored points may be sorted by class.
        own: only those of this process, if a run has several.

    Raises:
        UserError: B < 1.
    """
    at_least("batch_size", batch_size, 1)
    count = len(split) if points is None else min(points, len(split))
    places = torch.arange(count, device=split.x.device) * (len(split) - 1) // max(1, count - 1)
    if own and parallel.size() > 1:
        mine = parallel.rows(len(split))
        places = places[(places >= mine.start) & (places < mine.stop)]
    for index in places.split(batch_size) if len(places) else ():
        yield Batch(index, split.points(index))

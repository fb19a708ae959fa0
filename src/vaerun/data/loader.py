"""Batches of a split, of fixed shape and in a random order that depends only on seed and epoch."""

from collections.abc import Iterator
from typing import final

import torch

from vaerun.config.ranges import at_least
from vaerun.data.base import Split
from vaerun.data.stream import stream
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

    Raises:
        UserError: B < 1, or the seed is not a whole number ≥ 0.
    """

    def __init__(self, split: Split, *, batch_size: int, seed: int) -> None:
        at_least("batch_size", batch_size, 1)
        stream("seed", seed)
        self.split = split
        self.batch_size = min(batch_size, len(split))
        self.seed = seed

    @property
    def steps_per_epoch(self) -> int:
        """N // B, at least 1."""
        return len(self.split) // self.batch_size

    def epoch(self, e: int, start: int = 0) -> Iterator[Batch]:
        """Batches ``start``, …, ``steps_per_epoch`` − 1 of epoch ``e``: index [B] int64 and x [B, X] float32."""
        order = torch.randperm(len(self.split), generator=stream("seed", self.seed, e)).to(self.split.x.device)
        for step in range(start, self.steps_per_epoch):
            index = order[step * self.batch_size : (step + 1) * self.batch_size]
            yield Batch(index, self.split.visit(self.split.x.index_select(0, index)))


def sweep(split: Split, batch_size: int, points: int | None = None) -> Iterator[Batch]:
    """All points once, in stored order; the last batch may be smaller. A ``Redrawn`` split is sampled anew.

    Args:
        split: of the points.
        batch_size: B, at least 1.
        points: use only this number of evenly spaced points; stored points may be sorted by class.

    Raises:
        UserError: B < 1.
    """
    at_least("batch_size", batch_size, 1)
    count = len(split) if points is None else min(points, len(split))
    places = torch.arange(count, device=split.x.device) * (len(split) - 1) // max(1, count - 1)
    for index in places.split(batch_size):
        yield Batch(index, split.visit(split.x.index_select(0, index)))

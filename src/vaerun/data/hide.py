"""data set ↦ the same with a fraction of its values hidden: missing completely at random, with a known truth."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import final

import torch
from torch import Tensor

from vaerun.config.ranges import below
from vaerun.data.base import Dataset
from vaerun.data.missing import told
from vaerun.data.split import CHUNK, Split, fingerprint
from vaerun.data.stream import stream

PURPOSE = 1_000_000
"""Added to the number of a split: other random numbers than those that draw its values (``stream``)."""


@final
class Hide:
    """Hides every value of x with probability p, independently of all values: missing completely at random.

    A hidden value is nan, as if it had never been measured: nothing that is learned or reported depends on it. The same
    values are hidden at every visit and in every run with the same seed. A source with the key ``hide`` returns the
    hidden values again with ``hide=0``; ``vaerun impute`` compares its imputations with them.

    Args:
        fraction: p, the key ``data.hide``, 0 ≤ p < 1; at 0 the data set stays as it is.
        seed: of the hidden places, the key ``data.hide_seed``.

    Raises:
        UserError: a value is out of range; in a call, a value of x is hidden in every training point.

    Reference: Rubin 1976, Inference and missing data (missing at random).
    """

    def __init__(self, *, fraction: float, seed: int) -> None:
        below("data.hide", fraction, 0, 1, "use 0 to hide nothing")
        stream("data.hide_seed", seed)
        self.fraction, self.seed = fraction, seed

    def __call__(self, data: Dataset) -> Dataset:
        """The data set with hidden values."""
        if self.fraction == 0:
            return data
        parts = [self._split(split, place) for place, split in enumerate((data.train, data.valid, data.test))]
        train, valid, test = parts
        return told(replace(data, train=train, valid=valid, test=test, sha256=fingerprint(*parts)))

    def _split(self, split: Split, place: int) -> Split:
        stored = split.x if isinstance(split.x, Tensor) else split.x[:]
        rows = stored.float()  # nan needs a float; a copy unless it is one already
        rows = rows.clone() if rows is split.x else rows
        for chunk, hidden in zip(Split(rows).chunks(), self._hidden(rows.shape, place), strict=True):
            chunk[hidden] = math.nan
        return replace(split, x=rows)

    def hidden(self, shape: Sequence[int], place: int) -> Tensor:
        """Which values of a split are hidden, Bool[Tensor, "N X"].

        A source that computes numbers from its values, such as their mean, hides them before that.

        Args:
            shape: (N, X).
            place: of the split: 0 for train, 1 for valid, 2 for test.
        """
        return torch.cat(list(self._hidden(shape, place)))

    def _hidden(self, shape: Sequence[int], place: int) -> Iterator[Tensor]:
        """The same, ``CHUNK`` points at a time."""
        generator = stream("data.hide_seed", self.seed, PURPOSE + place)
        for start in range(0, shape[0], CHUNK):
            size = (min(CHUNK, shape[0] - start), shape[1])
            yield torch.rand(size, generator=generator) < self.fraction

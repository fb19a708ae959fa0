"""Covering arrays: few combinations of choices that contain every choice, or every pair of choices."""

import itertools
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import TypeVar

Row = TypeVar("Row", bound=Sequence[Hashable])


def covering(rows: Iterable[Row], strength: int) -> list[Row]:
    """A subset of ``rows`` with every combination of values in ``strength`` columns that occurs in ``rows``.

    It is chosen greedily: the row with the most new combinations comes first. The result is deterministic.
    """
    left = {row: set(_combinations(row, strength)) for row in rows}
    missing = set(itertools.chain.from_iterable(left.values()))
    chosen = []
    while missing:
        best = max(left, key=lambda row: len(left[row] & missing))
        missing -= left.pop(best)
        chosen.append(best)
    return chosen


def _combinations(row: Sequence[Hashable], strength: int) -> Iterator[tuple[Hashable, ...]]:
    return itertools.combinations(enumerate(row), strength)

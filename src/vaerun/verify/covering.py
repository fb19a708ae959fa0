"""A few rows of a product of choices in which every choice, or every pair of them, occurs."""

import itertools
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import TypeVar

Row = TypeVar("Row", bound=Sequence[Hashable])


def covering(rows: Iterable[Row], strength: int) -> list[Row]:
    """Some of ``rows`` in which every combination of ``strength`` columns' values occurs that occurs in all of them.

    Greedy, and the same at every call: the row that adds most comes first.
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

"""Covering arrays: few combinations of choices that contain every choice, or every pair of choices."""

import heapq
import itertools
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import TypeVar

Row = TypeVar("Row", bound=Sequence[Hashable])


def covering(rows: Iterable[Row], strength: int) -> list[Row]:
    """A subset of ``rows`` with every combination of values in ``strength`` columns that occurs in ``rows``.

    It is chosen greedily: the row with the most new combinations comes first. The result is deterministic.

    The number of new combinations of a row never rises while rows are chosen. A number from an earlier round is
    therefore an upper bound, and only the rows with the highest bounds are counted again.
    """
    known = list(dict.fromkeys(rows))
    has = [set(_combinations(row, strength)) for row in known]
    missing = set(itertools.chain.from_iterable(has))
    bounds = [(-len(some), place) for place, some in enumerate(has)]
    heapq.heapify(bounds)
    chosen = []
    while missing:
        place = bounds[0][1]
        heapq.heapreplace(bounds, (-len(has[place] & missing), place))
        if bounds[0][1] == place:  # no other row has a higher bound, or the same one and comes earlier
            missing -= has[place]
            chosen.append(known[place])
            heapq.heappop(bounds)
    return chosen


def _combinations(row: Sequence[Hashable], strength: int) -> Iterator[tuple[Hashable, ...]]:
    return itertools.combinations(enumerate(row), strength)

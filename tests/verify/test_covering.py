"""A covering array has every combination of values that occurs, and is the one that plain greedy choice finds."""

import itertools
import random

import pytest

from vaerun.verify.covering import covering


def combinations(rows: list[tuple[int, ...]], strength: int) -> set[tuple[tuple[int, int], ...]]:
    return {some for row in rows for some in itertools.combinations(enumerate(row), strength)}


def greedy(rows: list[tuple[int, ...]], strength: int) -> list[tuple[int, ...]]:
    """The first of the rows with the most new combinations, again and again; all rows are counted each time."""
    chosen: list[tuple[int, ...]] = []
    missing = combinations(rows, strength)
    while missing:
        chosen.append(max(rows, key=lambda row: len(combinations([row], strength) & missing)))
        missing -= combinations(chosen[-1:], strength)
    return chosen


@pytest.mark.parametrize("strength", [1, 2, 3])
@pytest.mark.parametrize("seed", range(5))
def test_the_rows_are_those_of_plain_greedy_choice(seed: int, strength: int) -> None:
    rng = random.Random(seed)
    product = list(itertools.product(range(3), range(4), range(2), range(3)))
    rows = rng.sample(product, rng.randint(10, len(product)))
    found = covering(rows, strength)
    assert found == greedy(rows, strength)
    assert combinations(found, strength) == combinations(rows, strength)
    assert len(found) < len(rows)


def test_of_nothing_it_is_nothing() -> None:
    assert covering([], 2) == []

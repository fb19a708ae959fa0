"""Rounds of short chunks, every peer in each of them, and the ratio of medians."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def interleave(chunks: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, list[Any]]:
    """What each chunk returns in each round; the order turns by one a round, so that nobody always follows the same."""
    names = list(chunks)
    taken: dict[str, list[Any]] = {name: [] for name in names}
    for number in range(rounds):
        turn = number % max(1, len(names))
        for name in names[turn:] + names[:turn]:
            taken[name].append(chunks[name]())
    return taken


def ratio(rates: Sequence[float], to: Sequence[float]) -> dict[str, float]:
    """Of the medians of two lists of rates, round by round the same length, with the range over rounds.

    A machine's speed drifts; two chunks of one round saw nearly the same, so the range is that of the rounds' ratios.
    """
    each = sorted(a / b for a, b in zip(rates, to, strict=True))
    return {"ratio": statistics.median(rates) / statistics.median(to), "low": each[0], "high": each[-1]}

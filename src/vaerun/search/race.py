"""Which of m configurations is best, by values over seeds, and which need further seeds for an answer."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import final

from vaerun.search.anytime import AnytimeInterval, extended


@final
class Race:
    """Drops a configuration when another is shown to be better; P(the best one is ever dropped) ≤ α.

    Two configurations are compared by the differences of their values with the same seed, which are taken to be
    independent over seeds and normal. Each interval has the level α/(m − 1), because m − 1 pairs contain the best
    configuration (Bonferroni): with probability 1 − α, all their intervals hold at every number of seeds.

    Args:
        names: of the configurations.
        alpha: the probability of an error.
        margin: a pair whose difference is shown to lie within ±margin is equal.
        better: 1 if higher values are better, −1 if lower ones are.
    """

    def __init__(self, names: Sequence[str], *, alpha: float, margin: float = 0.0, better: int = 1) -> None:
        self.names, self.alpha, self.margin, self.better = list(names), alpha, margin, better
        self.level = alpha / max(1, len(self.names) - 1)
        self.values: dict[str, list[float]] = {name: [] for name in self.names}
        self._found: dict[tuple[str, str], AnytimeInterval] = {}  # the differences so far
        self.dropped: dict[str, str] = {}  # a configuration ↦ the one that is better
        self.excluded: dict[str, str] = {}  # a configuration ↦ why it cannot be compared

    @property
    def left(self) -> list[str]:
        """The configurations that may be the best."""
        return [name for name in self.names if name not in self.dropped and name not in self.excluded]

    def add(self, name: str, value: float) -> None:
        """The value of the next seed of a configuration; seeds come in the order 0, 1, 2, …"""
        self.values[name].append(value)

    def exclude(self, name: str, reason: str) -> None:
        """Takes a configuration out, because a seed has no value: the mean over its other seeds would flatter it."""
        self.excluded.setdefault(name, reason)

    def difference(self, one: str, other: str) -> AnytimeInterval:
        """How much better ``one`` is than ``other``, over the seeds that both have."""
        if self.names.index(one) > self.names.index(other):
            return self.difference(other, one).reversed()
        found = self._found.get((one, other), AnytimeInterval())
        ours, theirs = self.values[one], self.values[other]
        for seed in range(found.n, min(len(ours), len(theirs))):
            found = extended(found, self.better * (ours[seed] - theirs[seed]), self.level)
        self._found[one, other] = found
        return found

    def drop(self) -> list[str]:
        """Drops what is worse than another configuration that is left; returns what was dropped."""
        better = {
            worse: one
            for one in self.left
            for worse in self.left
            if worse != one and self.difference(one, worse).low > 0
        }
        if len(better) == len(self.left):
            return []  # each is worse than another, which their different numbers of seeds allow: no answer yet
        self.dropped |= better
        return list(better)

    def undecided(self) -> list[tuple[str, str]]:
        """The pairs that are left and not shown to be equal."""
        return [pair for pair in combinations(self.left, 2) if not self._equal(*pair)]

    @property
    def needing(self) -> list[str]:
        """The configurations that need further seeds for an answer."""
        return [name for name in self.left if any(name in pair for pair in self.undecided())]

    def _equal(self, one: str, other: str) -> bool:
        found = self.difference(one, other)
        return -self.margin <= found.low and found.high <= self.margin


def next_seeds(seeds: Mapping[str, int], *, least: int, most: int, slots: int) -> list[tuple[str, int]]:
    """The next (configuration, seed): one for each, up to ``least`` seeds, then more until no slot is free.

    Args:
        seeds: how many seeds each of the configurations has that need more.
        least: seeds of each, at least.
        most: seeds of each, at most.
        slots: runs at the same time.
    """
    have = dict(seeds)
    jobs: list[tuple[str, int]] = []

    def give(name: str) -> None:
        jobs.append((name, have[name]))
        have[name] += 1

    for name, count in seeds.items():
        for _ in range(min(max(least - count, 1), most - count)):
            give(name)
    while jobs and len(jobs) % slots:
        name = min(have, key=lambda one: have[one])
        if have[name] >= most:
            break
        give(name)
    return sorted(jobs, key=lambda job: job[1])

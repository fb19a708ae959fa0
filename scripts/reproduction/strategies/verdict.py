"""What can be said of a block (data set and family): the best strategy, and which others cannot be told from it."""

from typing import NamedTuple

from reproduction.strategies.grid import DATA, FAMILIES, STRATEGIES
from reproduction.strategies.results import Mean, Results
from vaerun.metric.interval import quantile

Block = tuple[str, str]
Key = tuple[str, str, str]

BLOCKS: tuple[Block, ...] = tuple((data, family) for data in DATA for family in FAMILIES)
LEVEL = 1 - 0.05 / (len(STRATEGIES) - 1)
"""Of the interval of one difference, so that all six of a block hold together with 95 % (Bonferroni)."""

FEWEST = 3
"""Seeds for a verdict: an interval from two is so wide, and so variable, that it says nothing."""


class Verdict(NamedTuple):
    """The order of a block by the mean test ELBO."""

    best: str  # the highest mean
    open: tuple[str, ...]  # strategies whose interval of best − strategy contains 0, or that have fewer than 3 seeds

    @property
    def clear(self) -> bool:
        """Whether the best is better than each of the others, beyond the noise of the seeds."""
        return not self.open


def verdict(results: Results, block: Block, budget: str) -> Verdict | None:
    """The verdict at ``evaluations`` or ``seconds``; None if the block has no figures."""
    means = {name: results.mean(key(block, name), "at", budget, "elbo") for name in STRATEGIES}
    known = {name: found.value for name, found in means.items() if found is not None}
    if not known:
        return None
    best = max(known, key=lambda name: known[name])
    others = [name for name in STRATEGIES if name in known and name != best]
    left = [name for name in others if not above(difference(results, block, best, name, budget))]
    return Verdict(best, tuple(left))


def key(block: Block, strategy: str) -> Key:
    """The key of a strategy in a block."""
    return (*block, strategy)


def difference(results: Results, block: Block, a: str, b: str, budget: str) -> Mean | None:
    """a − b in the test ELBO, paired over seeds."""
    return results.difference(key(block, a), key(block, b), "at", budget, "elbo")


def above(found: Mean | None) -> bool:
    """Whether the whole interval of a difference is above 0; False with fewer than 3 seeds."""
    return found is not None and found.value > half_width(found)


def half_width(found: Mean) -> float:
    """Of the interval at ``LEVEL``; infinite with fewer than 3 seeds."""
    return (
        float("inf") if found.error is None or found.seeds < FEWEST else quantile(found.seeds - 1, LEVEL) * found.error
    )

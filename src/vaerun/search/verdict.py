"""The answer of a race in words, and a line for each configuration."""

import math
from collections.abc import Mapping, Sequence

from vaerun.errors import counted
from vaerun.search.anytime import AnytimeInterval
from vaerun.search.race import Race

FILE = "race.json"


def verdict(race: Race, objective: str, *, spent: Mapping[str, int], max_seeds: int, unit: str, ended: bool) -> str:
    """The answer in one sentence, and what it cost.

    Args:
        race: at its end, or after a round.
        objective: the metric that has decided.
        spent: the runs of each configuration.
        max_seeds: seeds of each configuration, at most.
        unit: of the objective.
        ended: whether no further runs come.
    """
    runs, grid = sum(spent.values()), max_seeds * len(race.names)
    cost = f"The race used {counted(runs, 'run')}; {counted(max_seeds, 'seed')} of each configuration are {grid} runs."
    if not ended:
        return f"The race has not ended: {_listed(race.left)} cannot be told apart yet. {cost}"
    aside = f" {_listed(race.excluded)} could not be compared." if race.excluded else ""
    return f"{_answer(race, objective, max_seeds, unit)}{aside} {cost}"


def _answer(race: Race, objective: str, max_seeds: int, unit: str) -> str:
    left, leader = race.left, best(race)
    others = [name for name in race.names if name != leader and name not in race.excluded]
    if not left:
        return f"Every configuration has a run without {objective}, so there is no answer."
    if not others:
        return f"{leader} is the only configuration whose runs all have {objective}, so nothing was compared."
    rivals = [name for name in left if name != leader] or others
    nearest = min(rivals, key=lambda name: race.difference(leader, name).mean)
    by = f"{objective} differs by {_amount(race, race.difference(leader, nearest), unit)}"
    worse = f"; {_listed(race.dropped)} {'is' if len(race.dropped) == 1 else 'are'} worse" if race.dropped else ""
    if len(left) == 1:
        nearer = "" if len(others) == 1 else f" from {nearest}, the nearest"
        return f"{leader} is better than {_listed(others)}: {by}{nearer}."
    between = "" if len(left) == 2 else f" between {leader} and {nearest}"
    if not race.undecided():
        how = f"differ by at most {race.margin:g}{unit}" if race.margin else "have equal values with every seed"
        return f"{_listed(left)} {how}: {by}{between}{worse}."
    return f"It is open which of {_listed(left)} is better, after {counted(max_seeds, 'seed')}: {by}{between}{worse}."


def table(
    race: Race, objective: str, *, spent: Mapping[str, int], unit: str, test: Mapping[str, Mapping[str, float | None]]
) -> list[str]:
    """One line for each configuration, the best first.

    Args:
        race: at its end.
        objective: the metric that has decided.
        spent: the runs of each configuration.
        unit: of the objective.
        test: further metrics: tag ↦ configuration ↦ mean over its runs.
    """
    return [_line(name, race, objective, spent, test, unit) for name in _ordered(race)]


def best(race: Race) -> str:
    """The configuration that is left with the highest mean, over the seeds that all that are left have."""
    if not race.left:
        return ""
    shared = min(len(race.values[name]) for name in race.left)
    return max(race.left, key=lambda name: race.better * math.fsum(race.values[name][:shared]))


def _line(
    name: str,
    race: Race,
    objective: str,
    spent: Mapping[str, int],
    test: Mapping[str, Mapping[str, float | None]],
    unit: str,
) -> str:
    runs, leader = spent.get(name, 0), best(race)
    parts = [counted(runs, "seed")]
    values = race.values[name]
    if name in race.excluded:
        return f"race, {name}: {parts[0]}; not compared, because {race.excluded[name]}"
    parts.append(f"mean {objective} {_mean(values):.2f}")
    parts += [f"{tag} {mean:.2f}" for tag, means in test.items() if (mean := means.get(name)) is not None]
    said = f"race, {name}: {', '.join(parts)}"
    if name == leader:
        return said
    found = race.difference(leader, name)
    ending = f"; dropped, because {race.dropped[name]} is better" if name in race.dropped else ""
    ahead = "better" if found.low > 0 else "ahead"
    return f"{said}; {leader} is {ahead} by {_amount(race, found, unit)}{ending}"


def _ordered(race: Race) -> list[str]:
    """The best first, then what is left, then what was dropped, then what could not be compared."""
    leader = best(race)

    def place(name: str) -> tuple[int, float]:
        rank = 3 if name in race.excluded else 2 if name in race.dropped else 1 if name != leader else 0
        return rank, -race.better * _mean(race.values[name]) if race.values[name] else 0.0

    return sorted(race.names, key=place)


def _amount(race: Race, found: AnytimeInterval, unit: str) -> str:
    """``0.93 nat (95 % interval [0.41, 1.45], 5 seeds)``"""
    if math.isinf(found.high):
        return f"{found.mean:.3g}{unit} ({counted(found.n, 'seed')}, too few for an interval)"
    sure = f"{100 * (1 - race.alpha):g} %"
    return f"{found.mean:.3g}{unit} ({sure} interval [{found.low:.3g}, {found.high:.3g}], {found.n} seeds)"


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _listed(names: Sequence[str] | Mapping[str, str]) -> str:
    """``a, b and c``"""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last

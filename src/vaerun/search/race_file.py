"""Writes race.json, which ``vaerun compare`` and ``vaerun report`` show."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vaerun.metric.metric import find, read
from vaerun.search.race import Race
from vaerun.search.verdict import FILE, table, verdict
from vaerun.system.whole_file import write

Results = Mapping[str, Sequence[Mapping[str, Any]]]


def record(race: Race, objective: str, results: Results, max_seeds: int, directory: Path) -> None:
    """Writes the answer, a line for each configuration, and the word that lets the race go on.

    It is written after each round, because a race can be interrupted.

    Args:
        race: at its end, or after a round.
        objective: the metric that decides.
        results: the summaries of the runs of each configuration.
        max_seeds: seeds of each configuration, at most.
        directory: of the sweep.
    """
    spent = {name: len(some) for name, some in results.items()}
    ended = all(spent[name] >= max_seeds for name in race.needing)
    unit = _unit(objective, results)
    tested = f"{objective.partition('/')[0]}/test"
    test = {} if tested == objective else {tested: {name: mean(some, tested) for name, some in results.items()}}
    content = {
        "answer": verdict(race, objective, spent=spent, max_seeds=max_seeds, unit=unit, ended=ended),
        "table": table(race, objective, spent=spent, unit=unit, test=test),
        "further": f"hydra.sweeper.max_seeds={2 * max_seeds}" if race.needing and ended else "",
    }
    write(directory / FILE, f"{json.dumps(content, indent=2, ensure_ascii=False)}\n".encode())


def mean(results: Sequence[Mapping[str, Any]], tag: str) -> float | None:
    """The mean of a metric over runs; None if one of them does not have it."""
    found = [value for one in results if isinstance(value := (one.get("metrics") or {}).get(tag), (int, float))]
    return math.fsum(found) / len(found) if found and len(found) == len(results) else None


def _unit(objective: str, results: Results) -> str:
    """`` nat``, or nothing for a number without a unit."""
    declared = [read(one.get("about")) for some in results.values() for one in some]
    return next((f" {unit}" for about in declared if (unit := find(about, objective).unit)), "")

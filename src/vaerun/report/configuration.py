"""Groups runs by configuration, and names each configuration by its differences from the others."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from vaerun.config.catalogue import Catalogue
from vaerun.config.defaults import default_choices, defaults
from vaerun.config.folders import roots
from vaerun.experiment import directory
from vaerun.report.recorded import Recorded

# the main choices; their values are shown without the key
NOUNS = ("strategy", "estimator", "posterior", "objective", "model", "data")

BUDGET = (*directory.BUDGET, "trainer.batch_size")
"""Keys that say how long a run trains; they are shown wherever they differ."""


def group(runs: Iterable[Recorded]) -> list[list[Recorded]]:
    """The runs of each configuration; runs without config.yaml are grouped by directory name and reason."""
    groups: dict[str, list[Recorded]] = {}
    for run in runs:
        groups.setdefault(identity(run), []).append(run)
    return list(groups.values())


def identity(run: Recorded) -> str:
    """A key that is equal for two runs if and only if they differ only in seed and place."""
    if run.config:
        return json.dumps(run.configuration, sort_keys=True, default=str)
    return f"{stem(run)}: {run.reason}"


def stem(run: Recorded) -> str:
    """The directory's name without the number of the job and the seed."""
    return re.sub(r"^\d+_|_seed\d+$", "", run.directory.resolve().name)


def settings(groups: Sequence[Sequence[Recorded]]) -> list[dict[str, Any]]:
    """For each configuration, the keys and values in which it differs from others, choices first.

    A key that differs only because a choice differs is left out, if every run has the value that its choice gives. So
    is a nested choice, such as strategy/phi_init. Keys of the budget are never left out.
    """
    known = [runs[0] for runs in groups if runs[0].config]
    # None is treated as a missing key: no experiment, no limit.
    choices = [{key: value for key, value in run.choices.items() if value is not None} for run in known]
    flat = [run.configuration for run in known]
    catalogue = Catalogue(roots())
    wholes = _differing([{key: value for key, value in chosen.items() if "/" not in key} for chosen in choices])
    ordered = [*(noun for noun in NOUNS if noun in wholes), *sorted(wholes - set(NOUNS))]
    usual_choices = [default_choices(chosen, catalogue) for chosen in choices]
    ordered += sorted((_unexplained(choices, choices, ordered) | _departing(choices, usual_choices)) - set(ordered))
    usual = [defaults(run.config, chosen, catalogue) for run, chosen in zip(known, choices, strict=True)]
    keys = sorted(
        _unexplained(flat, choices, ordered) | _departing(flat, usual) | (_differing(flat) & set(BUDGET)),
    )
    if not ordered and not keys:
        ordered = ["strategy"]
    told = iter(
        {key: chosen[key] for key in ordered if key in chosen} | {key: values[key] for key in keys if key in values}
        for chosen, values in zip(choices, flat, strict=True)
    )
    return [next(told) if runs[0].config else {} for runs in groups]


def _unexplained(
    mappings: Sequence[Mapping[str, Any]], choices: Sequence[Mapping[str, Any]], by: Sequence[str]
) -> set[str]:
    """The keys that differ between some of ``mappings`` whose choices ``by`` are equal."""
    cells: dict[str, list[Mapping[str, Any]]] = {}
    for mapping, chosen in zip(mappings, choices, strict=True):
        cells.setdefault(json.dumps([chosen.get(key) for key in by], default=str), []).append(mapping)
    return {key for cell in cells.values() for key in _differing(cell)}


def _departing(mappings: Sequence[Mapping[str, Any]], usual: Sequence[Mapping[str, Any]]) -> set[str]:
    """The keys that differ, and of which at least one value is not what the choices of its run give."""

    def departs(key: str, mapping: Mapping[str, Any], expected: Mapping[str, Any]) -> bool:
        if key not in mapping:
            return False
        if key not in expected:
            return not key.rpartition(".")[2].startswith("_")  # the class of an unknown option is told by its name
        return not _same(mapping[key], expected[key])

    return {
        key
        for key in _differing(mappings)
        if any(departs(key, mapping, expected) for mapping, expected in zip(mappings, usual, strict=True))
    }


def _same(one: Any, other: Any) -> bool:
    """Whether two values are equal as numbers or as text."""
    return one == other or json.dumps(one, default=str) == json.dumps(other, default=str)


def names(groups: Sequence[Sequence[Recorded]], told: Sequence[Mapping[str, Any]]) -> list[str]:
    """A short name for each configuration, no two the same."""
    keys = {key for setting in told for key in setting}
    short = {key: _short(key, keys) for key in keys}
    made = []
    for runs, setting in zip(groups, told, strict=True):
        words = [str(value) if key in NOUNS else f"{short[key]}={written(value)}" for key, value in setting.items()]
        made.append(" ".join(words) or stem(runs[0]))
    counts: dict[str, int] = {}
    for place, name in enumerate(made):
        counts[name] = counts.get(name, 0) + 1
        if counts[name] > 1:
            made[place] = f"{name} ({counts[name]})"
    return made


def _differing(mappings: Iterable[Mapping[str, Any]]) -> set[str]:
    """The keys with more than one value; a missing key counts as a value."""
    mappings = list(mappings)
    keys = {key for mapping in mappings for key in mapping}
    return {key for key in keys if len({json.dumps(m[key], default=str) if key in m else "" for m in mappings}) > 1}


def _short(key: str, keys: Iterable[str]) -> str:
    """The shortest end of a key that is unique among the keys."""
    others = [_dotted(other) for other in keys if other != key]
    parts = _dotted(key).split(".")
    for start in range(len(parts) - 1, 0, -1):
        end = ".".join(parts[start:])
        if not any(f".{other}".endswith(f".{end}") for other in others):
            return end
    return _dotted(key)


def _dotted(key: str) -> str:
    """A key as it is shown: without ``_target_``, and with a dot after its group."""
    return key.replace("/", ".").removesuffix("._target_")


def written(value: Any) -> str:
    """A value as on the command line; for a class, its name."""
    if isinstance(value, str):
        return value.rpartition(".")[2] if value.startswith("vaerun.") else value
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value).replace(" ", "")

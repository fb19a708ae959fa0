"""Show what can be chosen.

Without GROUP: every group with its options, a line and a reference for each, and the experiments, which are named sets
of choices. With GROUP, such as estimator or estimator/baseline: also the options of other groups that can be combined
with each option under some choice of the remaining groups. A star marks the default.

Examples:
  vaerun list
  vaerun list estimator/baseline
  vaerun list experiment
  vaerun list posterior --json
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from vaerun.command import option_table
from vaerun.command.parser import parse
from vaerun.config.catalogue import EXPERIMENT, HYDRA, Catalogue, Option
from vaerun.config.check.pairs import swap
from vaerun.config.defaults import flatten
from vaerun.config.legality import clashes
from vaerun.config.part import Part
from vaerun.errors import UserError, close_match
from vaerun.system.output import printable


def main(argv: Sequence[str]) -> int:
    """Prints the catalogue; returns the exit code.

    Raises:
        UserError: the group or flag does not exist.
    """
    from vaerun.config import hydra

    given = parse("list", argv)
    if len(given.words) > 1:
        raise UserError(
            f"vaerun list takes one group, and shows all its options, got {' '.join(given.words)}: run it once for "
            "each group."
        )
    catalogue = Catalogue(hydra.roots())
    offered = catalogue.groups | ({EXPERIMENT: catalogue.experiments} if catalogue.experiments else {})
    for group in given.words:
        if group not in offered:
            raise UserError(
                f"{group!r} is not a group.{close_match(group, offered)} The groups are {', '.join(offered)}."
            )
    shown = given.words or list(offered)
    entries = {group: [describe(option, catalogue) for option in offered[group].values()] for group in shown}
    for group in given.words:
        for option, entry in zip(offered[group].values(), entries[group], strict=True):
            entry["fits"] = fits(option, catalogue) if group in catalogue.groups else {}
    if given.json:
        print(json.dumps(entries, ensure_ascii=False, indent=2))
    else:
        option_table.show(entries)
    return 0


def describe(option: Option, catalogue: Catalogue) -> dict[str, Any]:
    """One option: summary, reference, keys, and whether it is the default."""
    info = option.info
    holder = option.group.rpartition("/")[0]
    chosen = [catalogue.nouns.get(option.group), *catalogue.several.get(option.group, ())]
    default = option.name in chosen or any(
        parent.nested().get(f"/{option.group}") == option.name for parent in catalogue.groups.get(holder, {}).values()
    )
    least = info.attributes.get("min_samples") if info else None
    return {
        "option": option.name,
        "default": default,
        "summary": printable(option.summary),
        "reference": printable(info.reference) if info else "",
        "min_samples": least if isinstance(least, int) else 1,
        "keys": legible(settings(option) if option.group == EXPERIMENT else keys(option.content)),
        "file": printable(str(option.path)),
    }


def keys(content: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of an option, and their values."""
    return {key: value for key, value in content.items() if key != "defaults" and not key.startswith("_")}


def legible(value: Any) -> Any:
    """Nested values without characters that steer a terminal, because a file in the current folder may hold them."""
    if isinstance(value, Mapping):
        return {printable(str(key)): legible(child) for key, child in value.items()}
    if isinstance(value, list):
        return [legible(child) for child in value]
    return printable(value) if isinstance(value, str) else value


def settings(experiment: Option) -> dict[str, Any]:
    """The settings of an experiment, as on the command line; the values of a sweep as A,B."""
    choices = {group.strip("/"): option for group, option in experiment.overrides().items()}
    content = {key: value for key, value in keys(experiment.content).items() if key != HYDRA}
    sweep = (experiment.content.get(HYDRA) or {}).get("sweeper", {}).get("params", {})
    return {**choices, **flatten(content), **sweep}


def fits(option: Option, catalogue: Catalogue) -> dict[str, list[str]]:
    """The options of other groups that can be combined with ``option``.

    Two options fit if both are legal under some choice of the remaining groups. A group is left out if all its
    options fit.
    """
    nouns = [group for group in catalogue.nouns if group != option.group]
    parts = swap(_default_parts(catalogue), option, catalogue)
    found = {}
    for group in nouns:
        others = catalogue.groups[group].values()
        rest = [name for name in nouns if name != group]
        legal = [other.name for other in others if _curable(swap(parts, other, catalogue), rest, catalogue)]
        if len(legal) < len(others):
            found[group] = legal
    return found


def _curable(parts: Mapping[str, Part], rest: Sequence[str], catalogue: Catalogue) -> bool:
    """Whether the parts are legal under some choice of the groups in ``rest``."""
    clash = next(clashes(parts), None)
    if clash is None:
        return True
    for group in (group for group in clash.groups if group in rest):
        for option in catalogue.groups[group].values():
            remaining = [name for name in rest if name != group]
            if _curable(swap(parts, option, catalogue), remaining, catalogue):
                return True
    return False


def _default_parts(catalogue: Catalogue) -> dict[str, Part]:
    parts: dict[str, Part] = {}
    for group, name in catalogue.nouns.items():
        option = catalogue.option(group, name)
        if option is not None and option.info is not None:
            parts[group] = Part(group, name, option.info, option.content)
            parts = swap(parts, option, catalogue)
    return parts

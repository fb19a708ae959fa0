"""Show what can be chosen: vaerun list [GROUP] [--json]

Without GROUP, every group with its options, one line and a reference each. With GROUP, such as estimator or
estimator/baseline, also the options of other groups that each option fits, everything else at its default.

  --json    one JSON document on stdout, and nothing else
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from vaerun.command import option_table
from vaerun.config.catalogue import Catalogue, Option
from vaerun.config.check.pairs import clashes, swap
from vaerun.config.check.parts import Part
from vaerun.errors import UserError, close_match


def main(argv: Sequence[str]) -> int:
    """Prints the catalogue; returns the exit code.

    Raises:
        UserError: there is no such group or flag.
    """
    from vaerun.config import hydra

    groups = [word for word in argv if not word.startswith("-")]
    flags = [word for word in argv if word.startswith("-")]
    if flags not in ([], ["--json"]) or len(groups) > 1:
        raise UserError(f"vaerun list {' '.join(argv)} cannot be read: write vaerun list [GROUP] [--json].")
    catalogue = Catalogue(hydra.roots())
    if groups and groups[0] not in catalogue.groups:
        near, known = close_match(groups[0], catalogue.groups), ", ".join(catalogue.groups)
        raise UserError(f"there is no group {groups[0]!r}.{near} The groups are {known}.")
    shown = groups or list(catalogue.groups)
    entries = {group: [describe(option, catalogue) for option in catalogue.groups[group].values()] for group in shown}
    if groups:
        for option, entry in zip(catalogue.groups[groups[0]].values(), entries[groups[0]], strict=True):
            entry["fits"] = fits(option, catalogue)
    if flags:
        print(json.dumps(entries, ensure_ascii=False, indent=2))
    else:
        option_table.show(entries)
    return 0


def describe(option: Option, catalogue: Catalogue) -> dict[str, Any]:
    """What one option is, where it comes from, and whether it is the default."""
    facts = option.info
    holder = option.group.rpartition("/")[0]
    default = catalogue.nouns.get(option.group) == option.name or any(
        parent.nested().get(f"/{option.group}") == option.name for parent in catalogue.groups.get(holder, {}).values()
    )
    least = facts.attributes.get("min_samples") if facts else None
    return {
        "option": option.name,
        "default": default,
        "summary": facts.summary if facts else "",
        "reference": facts.reference if facts else "",
        "min_samples": least if isinstance(least, int) else 1,
        "keys": {key: value for key, value in option.content.items() if key != "defaults" and key[0] != "_"},
        "file": str(option.path),
    }


def fits(option: Option, catalogue: Catalogue) -> dict[str, list[str]]:
    """The options of the other nouns that can be chosen together with ``option``, all the rest free.

    Two options fit if some choice of the remaining nouns makes both legal. Groups in which all fits are left out.
    """
    nouns = [group for group in catalogue.nouns if group != option.group]
    found = {}
    for group in nouns:
        others = catalogue.groups[group].values()
        legal = [other.name for other in others if _together(option, other, catalogue, nouns)]
        if len(legal) < len(others):
            found[group] = legal
    return found


def _together(one: Option, other: Option, catalogue: Catalogue, nouns: Sequence[str]) -> bool:
    """Whether the two can be part of one run, under some choice of the rest."""
    parts = _default_parts(catalogue)
    for option in (one, other):
        parts = swap(parts, option, catalogue)
    fixed = {one.group, other.group}
    rest = [group for group in nouns if group not in fixed]
    return _curable(parts, rest, fixed, catalogue)


def _curable(parts: Mapping[str, Part], rest: Sequence[str], fixed: set[str], catalogue: Catalogue) -> bool:
    clash = next(clashes(parts), None)
    if clash is None:
        return True
    for group in (group for group in clash.groups if group in rest):
        for option in catalogue.groups[group].values():
            remaining = [name for name in rest if name != group]
            if _curable(swap(parts, option, catalogue), remaining, fixed, catalogue):
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

"""The parts of a configuration: its nodes with a class."""

from collections.abc import Iterator, Mapping
from typing import Any

from vaerun.config.class_info import class_info
from vaerun.config.part import Part
from vaerun.config.several import SEVERAL


def parts_of(config: Mapping[str, Any], choices: Mapping[str, str]) -> dict[str, Part]:
    """Every node with a ``_target_``, by group, of a configuration that ``check_targets`` has passed.

    Raises:
        LookupError: a ``_target_`` cannot be found.
    """
    return {part.group: part for part in _parts("", config, choices)}


def _parts(prefix: str, node: Mapping[str, Any], choices: Mapping[str, str]) -> Iterator[Part]:
    for key, value in node.items():
        if not isinstance(value, Mapping):
            continue
        group = f"{prefix}{key}"
        if "_target_" in value:
            found = class_info(str(value["_target_"]))
            option = str(key) if prefix.rstrip("/") in SEVERAL else choices.get(group, found.name)
            yield Part(group, option, found, value)
        yield from _parts(f"{group}/", value, choices)

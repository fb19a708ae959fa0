"""The parts of a configuration: its nodes with a class."""

from collections.abc import Iterator, Mapping
from typing import Any

from vaerun.config.class_info import ClassInfo, class_info
from vaerun.config.part import Part
from vaerun.config.source_index import module, names_in
from vaerun.errors import UserError, close_match


def parts_of(config: Mapping[str, Any], choices: Mapping[str, str]) -> dict[str, Part]:
    """Every node with a ``_target_``, by group.

    Raises:
        UserError: a ``_target_`` cannot be found.
    """
    return {part.group: part for part in _parts("", config, choices)}


def _parts(prefix: str, node: Mapping[str, Any], choices: Mapping[str, str]) -> Iterator[Part]:
    for key, value in node.items():
        if not isinstance(value, Mapping):
            continue
        group = f"{prefix}{key}"
        if "_target_" in value:
            found = class_info_of(str(value["_target_"]), group)
            yield Part(group, choices.get(group, found.name), found, value)
        yield from _parts(f"{group}/", value, choices)


def class_info_of(target: str, group: str) -> ClassInfo:
    """The info of the class of a ``_target_``.

    Raises:
        UserError: it cannot be found.
    """
    try:
        return class_info(target)
    except LookupError:
        home, _, name = target.rpartition(".")
        while home and module(home) is None:
            home, _, name = home.rpartition(".")
        where = f"{home} has no {name}" if home else f"Python cannot find the package {name}"
        raise UserError(
            f"{group.replace('/', '.')}._target_={target} does not exist, because {where}."
            f"{close_match(name, names_in(home)) if home else ' Install it, or add its folder to PYTHONPATH.'}"
        ) from None

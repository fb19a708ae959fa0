"""The nodes of a configuration that name a class."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from vaerun.config.class_info import ClassInfo, class_info
from vaerun.config.source_index import module, names_in
from vaerun.errors import UserError, close_match


class Part(NamedTuple):
    """One chosen option: what the user calls it, what its class declares, and its keys."""

    group: str  # such as "estimator/baseline"
    option: str
    info: ClassInfo
    node: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.group}={self.option}"

    @property
    def path(self) -> str:
        """Where its keys are, as on the command line."""
        return self.group.replace("/", ".")


def parts_of(config: Mapping[str, Any], choices: Mapping[str, str]) -> dict[str, Part]:
    """Every node with a ``_target_``, by group.

    Raises:
        UserError: a ``_target_`` is nowhere to be found.
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
    """The facts of a ``_target_``.

    Raises:
        UserError: it is nowhere to be found.
    """
    try:
        return class_info(target)
    except LookupError:
        home, _, name = target.rpartition(".")
        while home and module(home) is None:
            home, _, name = home.rpartition(".")
        where = f"{home} has no {name}" if home else f"there is no package {name} on Python's path"
        raise UserError(
            f"{group.replace('/', '.')}._target_={target} does not exist, because {where}."
            f"{close_match(name, names_in(home)) if home else ' Install it, or add its folder to PYTHONPATH.'}"
        ) from None

"""A part of a run: a chosen option or an object, with what its class declares."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from vaerun.config.class_info import ClassInfo, info_of_object
from vaerun.config.several import home


class Part(NamedTuple):
    """One chosen option: its name, what its class declares, and its keys.

    Attributes:
        group: such as "estimator/baseline".
        option: its name; empty for an object that was made by hand.
        info: what the class declares.
        node: its keys in the configuration; empty for an object.
    """

    group: str
    option: str
    info: ClassInfo
    node: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{home(self.group)}={self.option}" if self.option else self.info.name

    @property
    def path(self) -> str:
        """The prefix of its keys on the command line."""
        return self.group.replace("/", ".")


def parts_of_objects(objects: Mapping[str, Any]) -> dict[str, Part]:
    """Objects by group as parts, so that the rules for configurations apply to them."""
    return {group: Part(group, "", info_of_object(thing), {}) for group, thing in objects.items()}

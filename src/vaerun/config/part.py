"""A chosen option and what its class declares, from a configuration or from an object."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from vaerun.config.class_info import ClassInfo, info_of_object


class Part(NamedTuple):
    """One chosen option: what the user calls it, what its class declares, and its keys.

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
        return f"{self.group}={self.option}" if self.option else self.info.name

    @property
    def path(self) -> str:
        """Where its keys are, as on the command line."""
        return self.group.replace("/", ".")


def parts_of_objects(objects: Mapping[str, Any]) -> dict[str, Part]:
    """Objects by group, as parts: the same rules hold for them as for a configuration."""
    return {group: Part(group, "", info_of_object(thing), {}) for group, thing in objects.items()}

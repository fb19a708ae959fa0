"""Makes the object of a node. Every object of a configuration is built here, after ``vaerun.config.admission``."""

import functools
import inspect
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from omegaconf import DictConfig, OmegaConf

from vaerun.config.admission import KNOWN, PARTIAL, TARGET, Place, admitted, asked
from vaerun.config.trust import OWN, place_in, trusted
from vaerun.errors import RAISED, RunError, UserError
from vaerun.system.memory import refused_memory


def plain(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration as plain values, with interpolations resolved."""
    if isinstance(config, DictConfig):
        return OmegaConf.to_container(config, resolve=True)  # type: ignore[return-value]
    return dict(config)


def make(node: Mapping[str, Any], parts: Mapping[str, Any], *, group: str = "", bases: Sequence[str] = ()) -> Any:
    """Builds the object of a node. Its arguments are the values, the objects of nested nodes, and ``parts`` by name.

    Args:
        node: its keys, with the class as ``_target_``.
        parts: objects and values that a constructor can ask for by parameter name.
        group: of the node; empty for one of any group.
        bases: the classes of which it must be a kind; by default those of the group.

    Raises:
        UserError: the class is not a kind of the group, or of no trusted package; or a value is out of range.
    """
    node = plain(node)
    place = admitted(group, node.get(TARGET), bases)
    children = {
        key: make(child, parts, group=f"{group}/{key}", bases=asked(place, key)[0])
        for key, child in node.items()
        if is_node(child)
    }
    values = {key: value for key, value in node.items() if key not in children and key not in (TARGET, PARTIAL)}
    kind = imported(place)
    given = {name: parts[name] for name in inspect.signature(kind).parameters if name in parts and name not in node}
    construct = functools.partial(kind, **values, **children, **given)
    return construct if node.get(PARTIAL) else _constructed(construct, place)


def _constructed(construct: Callable[[], Any], place: Place) -> Any:
    """The object; an error in a constructor that is not vaerun's own is one of its keys or of its code."""
    try:
        return construct()
    except RAISED as error:
        own = place.module.partition(".")[0] == OWN
        if own or isinstance(error, (UserError, RunError)) or refused_memory(error):
            raise
        raise UserError(
            f"{place.module}.{place.name} cannot be made ({said(error, place)}): change its keys, or correct the class."
        ) from error


def said(error: BaseException, place: Place) -> str:
    """An exception from code of the user: its class, its text, and the line of the user's packages it came through."""
    text = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
    line = place_in(error, (place.module.partition(".")[0], *trusted()))
    return f"{text}, in {line}" if line else text


def is_node(value: Any) -> bool:
    """Whether a configuration value describes an object."""
    return isinstance(value, Mapping) and TARGET in value


def kind_of(node: Mapping[str, Any], group: str) -> type:
    """The class of a node.

    Raises:
        UserError: as ``make``.
    """
    return imported(admitted(group, node.get(TARGET)))


def imported(place: Place) -> type:
    """An admitted class. The current folder is on Python's path from the first class of a user's own on.

    Raises:
        UserError: its module cannot be imported, or the name is not a class there.
    """
    own = place.module.partition(".")[0] == OWN
    here = os.getcwd()  # noqa: PTH109 - a text, as sys.path has it
    if not own and not f"{place.module}.".startswith(KNOWN) and here not in sys.path:
        sys.path.append(here)  # last, so that installed packages come first
    try:
        kind = getattr(import_module(place.module), place.name)
    except UserError:
        raise
    except RAISED as error:
        if own:
            raise
        raise UserError(
            f"{place.module} cannot be imported ({said(error, place)}): correct it, or choose another class."
        ) from error
    if not isinstance(kind, type) or inspect.isabstract(kind):
        missing = ", ".join(sorted(getattr(kind, "__abstractmethods__", ())))
        why = f"does not define {missing}" if missing else "is not a class"
        raise UserError(f"{place.module}.{place.name} cannot be built, because it {why}: choose another class.")
    return kind

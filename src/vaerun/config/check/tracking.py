"""Which trackers of a configuration start: a file may not send the records of a run away, or write them elsewhere."""

import shlex
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any, NamedTuple

from hydra.core.override_parser.overrides_parser import OverridesParser

from vaerun.config.catalogue import Catalogue, Option
from vaerun.config.class_info import class_info
from vaerun.config.defaults import flatten
from vaerun.config.folders import own_directory
from vaerun.config.trust import OWN
from vaerun.config.typed import Typed
from vaerun.errors import MissingPackageError, UserError

GROUP = "tracking"


class Started(NamedTuple):
    """The trackers of a run that start, by name, and one sentence about those that do not."""

    nodes: dict[str, Any]
    remark: str


def started(config: Mapping[str, Any], words: Sequence[str], catalogue: Catalogue) -> Started:
    """The trackers that start. One whose records can leave the run directory starts only if the words name it.

    Args:
        config: of the run, which ``check_targets`` has passed.
        words: what the user typed.
        catalogue: all options.

    Raises:
        UserError: a file sets a key of such a tracker, or its package is not installed.
    """
    nodes: dict[str, Any] = dict(config.get(GROUP) or {})
    typed, held = named(words), []
    for name, node in list(nodes.items()):
        facts = class_info(str(node["_target_"])).attributes
        if facts.get("outside") is False:
            continue
        if name not in typed:
            held.append(name)
            continue
        _refuse_keys_of_a_file(name, node, words, catalogue)
        if isinstance(package := facts.get("package"), str) and find_spec(package) is None:
            own = str(node["_target_"]).startswith(f"{OWN}.")
            raise MissingPackageError(f"{GROUP}={name}", package, extra=package if own else "")
    remark = _remark(nodes, held, catalogue) if held else ""
    return Started({name: node for name, node in nodes.items() if name not in held}, remark)


def is_of_trackers(word: str) -> bool:
    """Whether an override chooses trackers or sets one of their keys."""
    return word.lstrip("+~/").partition("=")[0].split(".")[0] == GROUP


def named(words: Sequence[str]) -> set[str]:
    """The trackers that words name, as in ``tracking=[tensorboard,mlflow]`` or ``tracking.mlflow.KEY=VALUE``."""
    found: set[str] = set()
    for word in words:
        key = word.lstrip("+/").partition("=")[0]
        if key.startswith(f"{GROUP}."):
            found.add(key.split(".")[1])
        if key == GROUP:
            value: Any = OverridesParser.create().parse_override(word).value()
            found |= set(map(str, value if isinstance(value, list) else [value]))
    return found


def _refuse_keys_of_a_file(name: str, node: Mapping[str, Any], words: Sequence[str], catalogue: Catalogue) -> None:
    """Refuses a value that is neither that of the option nor typed, such as the address of a server."""
    usual = _usual(name, catalogue)
    for key, value in flatten(node).items():
        where = f"{GROUP}.{name}.{key}"
        if (key not in usual or usual[key] != value) and not Typed(words).sets(where):
            raise UserError(
                f"{where} is not taken from a file: remove it there, and give it on the command line if you want it."
            )


def _usual(name: str, catalogue: Catalogue) -> dict[str, Any]:
    """The values in the YAML file of a tracker; vaerun's own file is read where the catalogue has none."""
    own = Option(GROUP, name, own_directory() / GROUP / f"{name}.yaml")
    return flatten((catalogue.option(GROUP, name) or own).content)


def _remark(nodes: Mapping[str, Any], held: Sequence[str], catalogue: Catalogue) -> str:
    """What does not start, and the words with which it would."""
    composed = bool(catalogue.several)  # and not the config.yaml of a run, which has nodes instead of a list
    words = [f"{GROUP}=[{','.join(nodes)}]"] if composed else []
    for name in held:
        usual = _usual(name, catalogue)
        words += [
            f"{GROUP}.{name}.{key}={value}"
            for key, value in flatten(nodes[name]).items()
            if (value is not None and usual.get(key) != value) or (key == "_target_" and not composed)
        ]
    which = " and ".join(f"{GROUP}={name}" for name in held)
    return (
        f"{which} {'does' if len(held) == 1 else 'do'} not start, because only the command line can start a tracker "
        f"that stores records outside of the run directory: add {shlex.join(words)} if you want it"
    )

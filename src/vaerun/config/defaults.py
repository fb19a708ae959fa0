"""What a run would have by its choices alone: the values in the YAML files of the chosen options."""

import math
import re
from collections.abc import Mapping
from typing import Any

from vaerun.config.catalogue import EXPERIMENT, Catalogue, Option
from vaerun.config.several import SEVERAL

REFERENCE = re.compile(r"\$\{(?:oc\.select:)?([\w.]+)(?:,([^}]*))?\}")  # ${KEY} or ${oc.select:KEY,DEFAULT}


def defaults(config: Mapping[str, Any], choices: Mapping[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    """Dotted key ↦ its value in the YAML file of the chosen option; options of other classes have no entries.

    Args:
        config: of a run; it decides which nodes there are.
        choices: the chosen option of each group.
        catalogue: all options.
    """
    found: dict[str, Any] = {}
    for key, node in config.items():
        if isinstance(node, Mapping):
            found |= _defaults(str(key), node, {}, choices, catalogue)
    return {key: _resolved(value, config) for key, value in found.items()}


def default_choices(choices: Mapping[str, Any], catalogue: Catalogue) -> dict[str, str]:
    """Group ↦ the option that it has if nothing is chosen in it, given the choices in the other groups."""
    options = [option for group, name in choices.items() if (option := _option(catalogue, group, name)) is not None]
    made = dict(catalogue.nouns)
    for setters in ([option.nested() for option in options], [option.overrides() for option in options]):
        for setter in setters:
            made |= {group.strip("/"): name for group, name in setter.items()}
    return made


def flatten(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one mapping of dotted keys; nan becomes the word ``nan``, which is equal to itself."""
    made: dict[str, Any] = {}
    for key, child in value.items():
        nan = isinstance(child, float) and math.isnan(child)
        flat = flatten(child, f"{prefix}{key}.") if isinstance(child, Mapping) else None
        made |= {f"{prefix}{key}": "nan" if nan else child} if flat is None else flat
    return made


def _option(catalogue: Catalogue, group: str, name: Any) -> Option | None:
    if group == EXPERIMENT:
        return catalogue.experiments.get(str(name))
    return catalogue.option(group, str(name))


def _defaults(
    group: str,
    node: Mapping[str, Any],
    inherited: Mapping[str, Any],
    choices: Mapping[str, Any],
    catalogue: Catalogue,
) -> dict[str, Any]:
    """The defaults of a node and of the nodes inside it; ``inherited`` are those that its outer option writes."""
    parent, _, name = group.rpartition("/")
    option = catalogue.option(parent, name) if parent in SEVERAL else catalogue.option(group, str(choices.get(group)))
    content: Mapping[str, Any] = option.content if option is not None else inherited
    path = group.replace("/", ".")
    if "_target_" in content and content["_target_"] != node.get("_target_"):
        return {f"{path}._target_": content["_target_"]}  # the values of one class say nothing about another
    found = {
        f"{path}.{key}": value for key, value in content.items() if key != "defaults" and not isinstance(value, Mapping)
    }
    for key, child in node.items():
        if isinstance(child, Mapping):
            inside = content.get(key)
            given = inside if isinstance(inside, Mapping) else {}
            found |= _defaults(f"{group}/{key}", child, given, choices, catalogue)
    return found


def _resolved(value: Any, config: Mapping[str, Any]) -> Any:
    """A reference to another key as the value of that key; anything else as it is."""
    match = REFERENCE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return value
    node: Any = config
    for word in match[1].split("."):
        node = node.get(word) if isinstance(node, Mapping) else None
    fallback = match[2]
    return node if node is not None else int(fallback) if fallback and fallback.isdecimal() else fallback

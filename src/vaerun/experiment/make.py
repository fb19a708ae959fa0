"""Makes the object of a node. Only this module calls Hydra's instantiate; objects receive plain values."""

import functools
import inspect
from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf

from vaerun.config.hydra import instantiate


def plain(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration as plain values, with interpolations resolved."""
    if isinstance(config, DictConfig):
        return OmegaConf.to_container(config, resolve=True)  # type: ignore[return-value]
    return dict(config)


def make(node: Mapping[str, Any], parts: Mapping[str, Any]) -> Any:
    """Builds the object of a node. Its arguments are the values, the objects of nested nodes, and ``parts`` by name."""
    children = {key: make(child, parts) for key, child in node.items() if is_node(child)}
    values = {key: value for key, value in node.items() if key not in children and key != "_partial_"}
    construct: functools.partial = instantiate(values, _partial_=True, _recursive_=False, _convert_="all")
    asked = inspect.signature(construct.func).parameters
    given = {name: parts[name] for name in asked if name in parts and name not in node}
    if node.get("_partial_"):
        return functools.partial(construct, **children, **given)
    return construct(**children, **given)


def is_node(value: Any) -> bool:
    """Whether a configuration value describes an object."""
    return isinstance(value, Mapping) and "_target_" in value


def locate(target: str) -> type:
    """The class a ``_target_`` names."""
    return instantiate({"_target_": target}, _partial_=True).func

"""Hydra's map of the choices, made only where a list of defaults refers to one, as in ``- data: ${strategy}``.

Hydra 1.3 makes the map at each file of a composition, although few lists have a reference: it takes a quarter of the
composition. Hydra 1.4 makes none.
"""

from collections.abc import Sequence
from typing import Any

from hydra._internal import defaults_list
from omegaconf import DictConfig, OmegaConf

MAP: Any = getattr(defaults_list, "_create_interpolation_map", None)


def prepare() -> None:
    """Puts ``known_choices`` in the place of Hydra's own function, if this version has it."""
    if MAP is not None:
        vars(defaults_list)[MAP.__name__] = known_choices


def known_choices(overrides: Any, defaults: Sequence[Any], self_added: bool) -> DictConfig:
    """The choices for the references in ``defaults``; empty where there is none, because nothing reads it then."""
    if not any(one.is_interpolation() for one in defaults):
        return OmegaConf.create()
    made: DictConfig = MAP(overrides, defaults, self_added)
    return made

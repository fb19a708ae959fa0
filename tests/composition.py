"""``vaerun.config.hydra.compose`` for tests that need a configuration, and are not about its composition."""

import copy
import functools
from collections.abc import Sequence

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from vaerun.config import hydra
from vaerun.config.folders import roots


def composed(overrides: Sequence[str]) -> tuple[DictConfig, dict[str, str]]:
    """``hydra.compose``, which composes the choices of options once a session.

    A composition takes half of the time of a tiny run. Hydra sets values after it has composed the options, and its own
    function sets them here. Additions, removals, and options of the user are left to Hydra.
    """
    places = roots()
    if len(places) > 1 or any(not word[0].isalpha() or word.startswith("hydra") for word in overrides):
        return hydra.compose(overrides)
    chosen = tuple(word for word in overrides if (places[0] / word.partition("=")[0]).is_dir())
    usual, choices = _composed(chosen)
    cfg = copy.deepcopy(usual)
    values = OverridesParser.create().parse_overrides([word for word in overrides if word not in chosen])
    OmegaConf.set_struct(cfg, True)
    ConfigLoaderImpl._apply_overrides_to_config(values, cfg)
    OmegaConf.set_struct(cfg, False)
    return cfg, dict(choices)


@functools.cache
def _composed(choices: tuple[str, ...]) -> tuple[DictConfig, dict[str, str]]:
    return hydra.compose(choices)

"""One composition in place of two.

Hydra composes a configuration to learn its mode, drops it, adds the mode to the words, and composes it again to run it.
A composition takes longer than a step of training, so that the first one is kept for the second.
"""

from collections.abc import Sequence

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.types import RunMode
from omegaconf import DictConfig, open_dict

KEPT = "_vaerun_first_composition"
SINGLE = "hydra.mode=RUN"
SWEPT = frozenset(",()")  # without these a word has one value, and Hydra's check of swept words finds nothing
MISSING = "???"  # an option that must be given: Hydra skips it while it asks for the mode, and refuses it afterwards


def keep(loader: ConfigLoaderImpl, name: str | None, words: Sequence[str], config: DictConfig) -> None:
    """Keeps the configuration that Hydra composed to learn the mode, if it is also that of a single job."""
    if not any(SWEPT & set(word) for word in words) and MISSING not in config.hydra.runtime.choices.values():
        vars(loader)[KEPT] = (name, list(words), config)


def take(loader: ConfigLoaderImpl, name: str | None, words: Sequence[str]) -> DictConfig | None:
    """What ``keep`` was given for the same words, with the mode of a single job; None if Hydra must compose."""
    kept_name, kept_words, config = vars(loader).pop(KEPT, (None, None, None))
    if config is None or kept_name != name or [*kept_words, SINGLE] != list(words):
        return None
    with open_dict(config.hydra):
        config.hydra.mode = RunMode.RUN
        config.hydra.overrides.hydra.append(SINGLE)
    return config

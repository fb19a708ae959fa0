"""One composition in place of two.

Hydra composes a configuration to learn its mode, drops it, adds the mode to the words, and composes it again to run it.
It drops an error, too, and meets it again. A composition takes longer than a step of training, so that what came of the
first one is kept for the second.
"""

from collections.abc import Sequence

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.types import RunMode
from omegaconf import DictConfig, open_dict

KEPT = "_vaerun_first_composition"
SINGLE = "hydra.mode=RUN"
SWEPT = frozenset(",()")  # without these a word has one value, and Hydra's check of swept words finds nothing
MISSING = "???"  # an option that must be given: Hydra skips it while it asks for the mode, and refuses it afterwards


def keep(loader: ConfigLoaderImpl, name: str | None, words: Sequence[str], made: DictConfig | Exception) -> None:
    """Keeps the configuration that Hydra composed to learn the mode, or its error, if a single job has the same."""
    asked = isinstance(made, Exception) or MISSING not in made.hydra.runtime.choices.values()
    if asked and not any(SWEPT & set(word) for word in words):
        vars(loader)[KEPT] = (name, [*words, SINGLE], made)


def take(loader: ConfigLoaderImpl, name: str | None, words: Sequence[str]) -> DictConfig | None:
    """What ``keep`` was given for the same words, with the mode of a single job; None if Hydra must compose.

    Raises:
        Exception: the error that was kept.
    """
    kept_name, kept_words, made = vars(loader).pop(KEPT, (None, None, None))
    if made is None or kept_name != name or kept_words != list(words):
        return None
    if isinstance(made, Exception):
        raise made
    with open_dict(made.hydra):
        made.hydra.mode = RunMode.RUN
        made.hydra.overrides.hydra.append(SINGLE)
    return made

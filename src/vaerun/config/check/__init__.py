"""Configurations that cannot work, found before torch is imported: keys, then values, then pairs of choices.

Everything is read from source: constructor signatures are the schema of the YAML files, and class attributes declare
what fits what. A new method is covered unasked.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from vaerun.config.catalogue import Catalogue
from vaerun.config.check.keys import RUNTIME, check_keys
from vaerun.config.check.pairs import check_pairs
from vaerun.config.check.parts import Part, parts_of
from vaerun.config.check.values import check_values

__all__ = ["RUNTIME", "Part", "check"]


def check(cfg: DictConfig, choices: Mapping[str, str], roots: Sequence[Path]) -> None:
    """Refuses a composed configuration that cannot work.

    Args:
        cfg: without the hydra node.
        choices: the option chosen of each group, for the sentences.
        roots: the configuration directories, vaerun's own first, for the remedies.

    Raises:
        UserError: a key is unknown, missing or vaerun's to give, a value cannot be, or two choices do not fit.
    """
    config: dict[str, Any] = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)  # type: ignore[assignment]
    catalogue = Catalogue(roots)
    check_keys(config, choices, catalogue)
    check_values(config, choices)
    check_pairs(parts_of(config, choices), catalogue)

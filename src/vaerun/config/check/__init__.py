"""Checks of a configuration before torch is imported: classes, then keys, values, and pairs of choices.

All rules are read from source: constructor signatures are the schema of the YAML files, and class attributes declare
which parts fit together. A new method is therefore checked without changes here.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from vaerun.config.admission import check_targets
from vaerun.config.catalogue import Catalogue
from vaerun.config.check.keys import RUNTIME, check_keys
from vaerun.config.check.pairs import check_pairs
from vaerun.config.check.parts import Part, parts_of
from vaerun.config.check.tracking import started
from vaerun.config.check.values import check_values
from vaerun.errors import UserError

__all__ = ["RUNTIME", "Part", "check"]


def check(cfg: DictConfig, choices: Mapping[str, str], roots: Sequence[Path], words: Sequence[str] = ()) -> None:
    """Refuses a composed configuration with wrong keys, wrong values, or choices that do not fit together.

    Args:
        cfg: without the hydra node.
        choices: the chosen option of each group, for error messages.
        roots: the configuration directories, vaerun's own first, for the remedies.
        words: of the command line; a remedy must work beside them.

    Raises:
        UserError: a class may not be built, a key is unknown, missing or set by vaerun, a value is wrong, or two
        choices do not fit.
    """
    config: dict[str, Any] = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)  # type: ignore[assignment]
    check_targets(config)
    catalogue = Catalogue(roots)
    if removed := next((word for word in words if word.startswith("~") and word[1:] in catalogue.nouns), ""):
        raise UserError(f"every run needs {removed[1:]}, but {removed} removes it: leave out {removed}.")
    check_keys(config, choices, catalogue)
    check_values(config, choices)
    started(config, words, catalogue)
    chosen = [word.lstrip("+").partition("=")[0] for word in words]
    check_pairs(parts_of(config, choices), catalogue, chosen=chosen)

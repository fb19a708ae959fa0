"""What the user types: some settings of Hydra count only on the command line, and not in a file."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser

from vaerun.config.catalogue import Option
from vaerun.config.folders import own_directory

TYPED_LAUNCHER = (
    *("setup", "additional_parameters", "srun_args", "python", "container"),
    *("submitit_folder", "temp_folder", "ray"),
)
"""Settings of launchers that run commands, write elsewhere, or send the jobs to another machine."""

TYPED_NODES = ("hydra.sweeper.storage", *(f"hydra.launcher.{name}" for name in TYPED_LAUNCHER))
FREE_WORDS = re.compile(r"/?hydra/[\w/]+|hydra\.(verbose|sweep\.(dir|subdir)|(launcher|sweeper)\.[\w.]+)")


def must_be_typed(word: str) -> bool:
    """Whether an override counts only if the user types it: it is not taken from the file of a sweep.

    These are flags, references, which can show the environment, trackers that can store records outside of the run
    directory, and the keys of the node ``hydra`` that ``check_hydra_node`` does not take from a file.
    """
    key = word.lstrip("+~").partition("=")[0].partition("@")[0]
    if word.startswith("-") or "${" in word or not word.isprintable():
        return True
    if key.lstrip("/").split(".")[0] == "tracking":
        chosen = re.fullmatch(r"/?tracking=\[?([\w,]*)\]?", word)
        return chosen is None or not all(map(stays_inside, filter(None, chosen[1].split(","))))
    if not key.lstrip("/").startswith("hydra"):
        return False
    place = key == "hydra.sweep.subdir" and ".." in word
    return place or not FREE_WORDS.fullmatch(key) or key.startswith(TYPED_NODES)


def stays_inside(tracker: str) -> bool:
    """Whether an option of ``tracking`` is vaerun's own and declares that it writes into the run directory only."""
    info = Option("tracking", tracker, own_directory() / "tracking" / f"{tracker}.yaml").info
    return info is not None and info.attributes.get("outside") is False


class Typed:
    """What the words of a command line set.

    Args:
        words: overrides of Hydra.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.whole = set(words)
        self.words = {word.lstrip("+").partition("=")[0]: word for word in words}

    def sets(self, key: str) -> bool:
        """Whether a word sets the key, or a node that holds it."""
        parts = key.split(".")
        return any(self._names(parts, n) for n in range(1, len(parts) + 1))

    def _names(self, parts: Sequence[str], n: int) -> bool:
        """Whether the value of the word for the first ``n`` parts of a key has the rest of the key."""
        word = self.words.get(".".join(parts[:n]))
        if word is None:
            return False
        value: Any = OverridesParser.create().parse_override(word).value()
        for part in parts[n:]:
            if not isinstance(value, Mapping) or part not in {str(name) for name in value}:
                return False
            value = next(child for name, child in value.items() if str(name) == part)
        return True

"""The arguments of a command about trained runs: run directories, and KEY=VALUE."""

from collections.abc import Sequence
from pathlib import Path

from vaerun.command.parser import split_words
from vaerun.errors import UserError, close_key
from vaerun.experiment.directory import FREE


def runs_and_settings(command: str, words: Sequence[str], groups: Sequence[str] = ()) -> tuple[list[Path], list[str]]:
    """Run directories, and KEY=VALUE.

    Args:
        command: for error messages.
        words: the arguments that are not flags.
        groups: those that the command composes anew, whatever the run was trained with.

    Raises:
        UserError: no run directory is given, or a key cannot be changed for a trained run.
    """
    places, settings = split_words(words)
    runs = [run for place in places for run in runs_in(Path(place))]
    if not runs:
        raise UserError(f"vaerun {command} needs a run directory: give one that vaerun train has written.")
    # Samples need no further process; what is evaluated is computed by as many as are asked for.
    known = (*groups, *(key for key in FREE if key != "execution.devices" or "evaluation" in groups))
    for setting in settings:
        key = setting.partition("=")[0]
        if key not in known and key.split(".")[0] not in groups:
            raise UserError(
                f"{key} cannot be set here, because the run keeps the value that it was trained with."
                f"{close_key(key, known)} vaerun {command} takes {', '.join(known)}."
            )
    return runs, settings


def runs_in(directory: Path) -> list[Path]:
    """The directory itself if it is a run directory, else the run directories of the sweep in it."""
    if (directory / "config.yaml").exists():
        return [directory]
    return sorted(path.parent for path in directory.glob("*/config.yaml")) or [directory]

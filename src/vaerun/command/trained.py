"""The arguments of a command about trained runs: run directories, and KEY=VALUE."""

import errno
import os
from collections.abc import Sequence
from pathlib import Path

from vaerun.command.parser import split_words
from vaerun.errors import UserError, close_key
from vaerun.experiment.directory import FREE
from vaerun.system.fault import fault_of


def runs_and_settings(command: str, words: Sequence[str], groups: Sequence[str] = ()) -> tuple[list[Path], list[str]]:
    """Run directories, and KEY=VALUE.

    Args:
        command: for error messages.
        words: the arguments that are not flags.
        groups: those that the command composes anew, whatever the run was trained with.

    Raises:
        UserError: no run directory is given, or a key cannot be changed for a trained run.
    """
    # Samples need no further process; what is evaluated is computed by as many as are asked for.
    known = (*groups, *(key for key in FREE if key != "execution.devices" or "evaluation" in groups))
    places, settings = split_words(words, lambda key: key in known or key.split(".")[0] in groups)
    runs = [run for place in places for run in runs_in(Path(place))]
    if not runs and not settings:
        raise UserError(f"vaerun {command} needs a run directory: give one that vaerun train has written.")
    for setting in settings:
        key = setting.partition("=")[0]
        if not runs and "/" in key:
            raise UserError(f"{setting} is not a directory: give a run directory that vaerun train has written.")
        if key not in known and key.split(".")[0] not in groups:
            raise UserError(
                f"{key} cannot be set here, because the run keeps the value that it was trained with."
                f"{close_key(key, known)} vaerun {command} takes {', '.join(known)}."
            )
    if not runs:
        raise UserError(f"vaerun {command} needs a run directory: give one that vaerun train has written.")
    return runs, settings


def runs_in(directory: Path) -> list[Path]:
    """The directory itself if it is a run directory, else the run directories of the sweep in it."""
    if (directory / "config.yaml").exists():
        return [directory]
    return sorted(path.parent for path in directory.glob("*/config.yaml")) or [directory]


def refuse_taken(place: Path, path: str | None, *, force: bool) -> None:
    """Refuses a file that exists, unless it may be replaced; the file of the data is never replaced.

    Raises:
        UserError: which.
    """
    if not place.exists():
        return
    if path is not None and Path(path).exists() and place.samefile(path):
        raise UserError(f"--out {place} is the file of the data: choose another file.")
    if place.is_dir():
        raise UserError(f"--out {place} is a folder: give the name of a file in it, such as {place / 'z.npz'}.")
    if not force:
        raise UserError(f"{place} exists already: choose another file with --out, or replace it with --force.")


def one_file(runs: Sequence[Path], otherwise: str) -> None:
    """Refuses several runs where --out names one file.

    Raises:
        UserError: there are several.
    """
    if len(runs) > 1:
        raise UserError(f"--out names one file, but there are {len(runs)} runs: leave it out to {otherwise}.")


def open_folder(folder: Path) -> Path:
    """The folder for the results of a command; it is made before anything is computed.

    Raises:
        UserError: it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):  # also false on a file system that is read-only
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(folder))
    except OSError as error:
        raise unwritable(error, folder) from None
    return folder


def unwritable(error: OSError, folder: Path) -> Exception:
    """One sentence for a fault in a folder of results; other errors as they are."""
    fault = fault_of(error)
    if fault is None or not str(error.filename or "").startswith(str(folder)):
        return error  # such as that of a standard output that is full
    return UserError(f"{fault.what}: choose another folder with --out.")

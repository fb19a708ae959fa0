"""The folder of published files: ``data.root``, or $VAERUN_DATA, or a cache folder of the user."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from vaerun.data.data_file import located
from vaerun.errors import UserError


def data_folder(root: str | None) -> Path:
    """The folder for reading and downloading; it may not exist yet.

    The first of these that is given: ``root``; the environment variable VAERUN_DATA; ``vaerun`` in $XDG_CACHE_HOME or
    ~/.cache.

    Raises:
        UserError: the folder is a file, or neither it nor its parent folder exists.
    """
    named = {"data.root": root, "$VAERUN_DATA": os.environ.get("VAERUN_DATA")}
    for key, value in named.items():
        if value:
            folder = located(key, value).absolute()
            try:
                _refuse_no_folder(folder, f"{key}={value}")
            except OSError as error:
                raise UserError(f"{key}={value} cannot be used ({error.strerror}): name another folder.") from error
            return folder
    return located("$XDG_CACHE_HOME", os.environ.get("XDG_CACHE_HOME") or "~/.cache").absolute() / "vaerun"


def _refuse_no_folder(folder: Path, named: str) -> None:
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{named} is a file, not a folder: name the folder that holds the files.")
    if not folder.parent.is_dir():
        raise UserError(
            f"{named} does not exist, and neither does its parent folder: name the folder that holds the files, or a "
            "folder to download into."
        )


def find(folder: Path, name: str, *, subfolder: str = "") -> Path | None:
    """The file ``name``, or ``name`` without its .gz, in the layout of torchvision or flat; None if there is none.

    It is searched in ``folder/subfolder`` (such as MNIST/raw), in the last part of the subfolder (raw, if ``folder`` is
    …/MNIST), and in ``folder``; the first match is used.
    """
    last = subfolder.rpartition("/")[2]
    names = (name, name.removesuffix(".gz"))
    places: Sequence[Path] = [folder / place / each for place in (subfolder, last, "") for each in names]
    return next((path for path in places if _is_file(path)), None)


def _is_file(path: Path) -> bool:
    """Whether it is a regular file that can be looked at; in a folder without permission there is none."""
    try:
        return path.is_file()
    except OSError:
        return False


def store(path: Path, content: bytes) -> None:
    """Writes a temporary file and renames it to ``path``, so that the file is complete or does not exist.

    Two processes can store the same file at the same time, because each writes its own temporary file.

    Raises:
        OSError: the folder cannot be created or written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)

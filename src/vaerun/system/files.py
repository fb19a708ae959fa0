"""Opens the files of a run: regular files alone, no symbolic links.

A run directory may come from a stranger. A symbolic link in it would let vaerun read or write a file elsewhere, a pipe
would make it wait for ever, and a file that is too large would fill the memory. Only the folders between ``within`` and
the file are looked at: a link at or above the run directory is the user's own.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from vaerun.errors import UserError

NEW = 0o666  # the permissions of a new file, less the user's umask
KINDS = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class UnsafeFileError(UserError):
    """A file that vaerun does not open: it is not a regular file of the run, or it is too large."""


def open_to_read(path: Path, *, within: Path | None = None) -> IO[bytes]:
    """The file, to be read.

    Args:
        path: of the file.
        within: the run directory; by default the folder of the file.

    Raises:
        UnsafeFileError: the file, or a folder between ``within`` and the file, is something else.
        FileNotFoundError: there is none. Any other OSError: it cannot be read.
    """
    return os.fdopen(opened(path, os.O_RDONLY, within), "rb")


def read(path: Path, *, most: int, within: Path | None = None) -> bytes:
    """The content of a file with at most ``most`` bytes.

    Raises:
        UnsafeFileError: as ``open_to_read``, or the file is larger.
        OSError: as ``open_to_read``.
    """
    with open_to_read(path, within=within) as file:
        size = os.fstat(file.fileno()).st_size  # a file of zeros takes no place on the disk
        content = file.read(most + 1) if size <= most else b""
    if max(size, len(content)) > most:
        raise UnsafeFileError(f"{path} has more than {most:,} bytes, so it is not read: restore the file of the run.")
    return content


def open_new(path: Path, *, within: Path | None = None, buffering: int = -1) -> IO[bytes]:
    """A new file; ``buffering`` is that of ``open``.

    Raises:
        FileExistsError: there is something of that name already, a symbolic link included.
        UnsafeFileError: as ``open_to_read``, of the folders.
    """
    refuse_links(path, within)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, NEW), "wb", buffering=buffering)


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Adds the name of the file to an OSError that has none, as those of ``write`` have."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            error.filename = str(path)
        raise


def folder(path: Path, *, within: Path | None = None) -> Path:
    """The folder of that name; it is created if it does not exist.

    Raises:
        UnsafeFileError: it is a symbolic link or something else, or a folder above it is, below ``within``.
        OSError: it cannot be created.
    """
    refuse_links(path, within)
    try:
        path.mkdir(exist_ok=True)
    except FileExistsError:
        raise refused(path) from None
    if path.is_symlink():
        raise refused(path)
    return path


def refuse_links(path: Path, within: Path | None = None) -> None:
    """Refuses a symbolic link among the folders between ``within`` and the file.

    Raises:
        UnsafeFileError: which.
    """
    for above in path.parents if within is not None else ():
        if above == within:
            return
        if above.is_symlink():
            raise refused(above)


def refuse_odd(path: Path) -> None:
    """Refuses something that is there and is not a regular file, before it is needed.

    Raises:
        UnsafeFileError: what it is.
    """
    try:
        mode = path.lstat().st_mode
    except OSError:
        return
    if not stat.S_ISREG(mode):
        raise refused(path)


def refused(path: Path) -> UnsafeFileError:
    """What is wrong with the path, and the remedy."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        mode = 0
    return UnsafeFileError(
        f"{path} is {kind_of(mode)}, so it is not opened, because it could lead out of the run directory: replace it "
        f"by the file or folder itself, or remove it."
    )


def opened(path: Path, flags: int, within: Path | None) -> int:
    """The descriptor of a regular file, opened with these flags of the operating system."""
    refuse_links(path, within)
    refuse_odd(path)  # before it is opened, because opening a device can have an effect
    try:
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, NEW)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise refused(path) from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise refused(path)
    return descriptor


def kind_of(mode: int) -> str:
    """What a file with this mode is, such as a folder."""
    return next((name for of_kind, name in KINDS if of_kind(mode)), "not a regular file")

"""FILE ↦ bytes: the only module that opens a data file. A file can be anything, so every error becomes one sentence."""

import os
import stat
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from vaerun.data.free_memory import free_memory
from vaerun.errors import UserError
from vaerun.system.files import kind_of
from vaerun.system.memory import amount

PIECE = 2**20
READABLE = "allow your user to read it, with chmod u+r if it is yours"
SMALLER = "use a file with fewer points, or with values of a smaller type, such as uint8 or float32"


class DamagedFileError(ValueError):
    """The content of a file cannot be used. The message completes "FILE cannot be used, because …".

    Args:
        why: the message.
        remedy: what helps; empty where the remedy of the kind of file does.
    """

    def __init__(self, why: str, remedy: str = "") -> None:
        super().__init__(why)
        self.remedy = remedy


class TooLargeError(DamagedFileError):
    """The values of a file do not fit into memory."""


class DataFile(NamedTuple):
    """An open regular file and its size in bytes when it was opened."""

    stream: IO[bytes]
    size: int


@contextmanager
def data_file(path: Path, *, remedy: str) -> Iterator[DataFile]:
    """Opens a regular file. Every error in the with statement becomes one sentence that names the file.

    Args:
        path: the file.
        remedy: the last part of the sentence, if the content is at fault.

    Raises:
        UserError: the file cannot be opened, its content cannot be used, or it was changed while it was read.
    """
    try:
        with _opened(path) as stream:
            before = os.fstat(stream.fileno())
            yield DataFile(stream, before.st_size)
            after = os.fstat(stream.fileno())
            if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
                raise DamagedFileError("another program changed it while it was read")
    except UserError:
        raise
    except Exception as error:  # the decoders of zip, gzip and NumPy raise a dozen kinds for damaged bytes
        raise UserError(f"{path} cannot be used, because {cause(error)}: {_remedy(error) or remedy}.") from error


def located(key: str, text: str) -> Path:
    """The path that a key names, with ~ expanded.

    Raises:
        UserError: the text cannot be a path, or ~USER is no user of this system.
    """
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in text):
        raise UserError(
            f"{key} must be a path in UTF-8 without control characters, because it is recorded, got {text!r}: rename "
            "the file, or make a symbolic link to it."
        )
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise UserError(
            f"{key}={text} begins with a user that does not exist: write ./ before a name with ~."
        ) from None


def _opened(path: Path) -> IO[bytes]:
    """Opens the file for reading, if it is a regular one: others can block, never end, or react to being opened.

    O_NONBLOCK and the second check are for a file that is replaced by a pipe between the two calls.
    """
    _refuse_irregular(path.stat().st_mode)
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    stream = os.fdopen(handle, "rb")
    try:
        _refuse_irregular(os.fstat(handle).st_mode)
    except BaseException:
        stream.close()
        raise
    return stream


def _refuse_irregular(mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise DamagedFileError(f"it is {kind_of(mode)}, not a regular file")


def cause(error: Exception) -> str:
    """What is wrong with a file, to complete "FILE cannot be used, because …"."""
    if isinstance(error, FileNotFoundError):
        return "it does not exist"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, DamagedFileError):
        return str(error)
    if isinstance(error, MemoryError):
        return f"its values do not fit into memory ({amount(free_memory())} are free)"
    text = " ".join(str(error).split())[:200]
    return f"it is damaged or cut off ({text or type(error).__name__})"


def _remedy(error: Exception) -> str:
    """What helps where it is known, or where the content of the file is not at fault; empty otherwise."""
    if isinstance(error, DamagedFileError) and error.remedy:
        return error.remedy
    if isinstance(error, PermissionError):
        return READABLE
    return SMALLER if isinstance(error, (MemoryError, TooLargeError)) else ""


def fill(stream: IO[bytes], memory: memoryview) -> int:
    """Reads from the stream until ``memory`` is full or the stream ends; returns the number of bytes read."""
    done = 0
    while done < len(memory):
        piece = stream.read(min(PIECE, len(memory) - done))
        if not piece:
            break
        memory[done : done + len(piece)] = piece
        done += len(piece)
    return done


def refuse_too_large(count: int, itemsize: int) -> None:
    """Refuses values that do not fit into free memory, before they are allocated.

    Args:
        count: the number of values.
        itemsize: bytes of one value in the file; beside it, at most 4 bytes are stored.

    Raises:
        TooLargeError: they do not fit.
    """
    needed, free = count * (itemsize + min(itemsize, 4)), free_memory()
    if needed > free:
        raise TooLargeError(f"its {count:,} values need about {amount(needed)} of memory, and {amount(free)} are free")

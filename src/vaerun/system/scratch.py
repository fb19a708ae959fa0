"""Memory that is a file without a name: it takes disk instead of memory, and ends with the process."""

import errno
import mmap
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import final

from vaerun.errors import UserError
from vaerun.system.memory import amount

VARIABLES = ("TMPDIR", "TEMP", "TMP")
LARGE = Path("/var/tmp")  # by the Filesystem Hierarchy Standard on a disk, while /tmp can be in memory
RESIDENT = 2**28  # bytes that may be looked at until the pages of a mapping are given back
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@final
class Mapping:
    """Bytes of a file in the address space: the system reads and writes pages when they are used.

    Args:
        memory: the mapping.
        handle: the file; a copy of it is kept.
    """

    def __init__(self, memory: mmap.mmap, handle: int) -> None:
        self.memory, self.size, self.used = memory, len(memory), 0
        self.handle = os.dup(handle)
        weakref.finalize(self, os.close, self.handle)

    def use(self, size: int) -> None:
        """Counts ``size`` bytes that are looked at. From time to time all pages are given back.

        The process then has few pages at any time. Their content stays in the file, and in the system's memory while
        that has room.
        """
        self.used += size
        if self.used > RESIDENT:
            self.used = 0
            self.memory.madvise(mmap.MADV_DONTNEED)

    def fetch(self, places: Iterable[int], size: int) -> None:
        """Asks the disk for ``size`` bytes of the file at each place, all at once instead of one after the other."""
        for place in places if hasattr(os, "posix_fadvise") else ():
            os.posix_fadvise(self.handle, place, size, os.POSIX_FADV_WILLNEED)

    def at_random(self, random: bool) -> None:
        """Says whether pages are used in random order, so that the system reads no pages beside them."""
        self.memory.madvise(mmap.MADV_RANDOM if random else mmap.MADV_NORMAL)


def scratch(size: int, what: str) -> Mapping:
    """``size`` bytes of zeros in a file without a name; the disk space is reserved.

    Args:
        size: at least 1.
        what: what it is for, the beginning of an error message.

    Raises:
        UserError: the disk has not so much space, or the folder cannot be written.
    """
    place = folder()
    try:
        with tempfile.TemporaryFile(dir=place, prefix="vaerun-") as file:
            if hasattr(os, "posix_fallocate"):  # or a full disk would end the process at a later write
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                file.truncate(size)
            return Mapping(mmap.mmap(file.fileno(), size), file.fileno())
    except OSError as error:
        free = f", and {amount(shutil.disk_usage(place).free)} are free" if error.errno in FULL else ""
        raise UserError(
            f"{what} needs {amount(size)} of disk in {place}{free} ({error.strerror}): set the environment variable "
            "TMPDIR to a folder on a disk with more space."
        ) from error


def folder() -> Path:
    """Where scratch files are: $TMPDIR, or /var/tmp, or Python's choice."""
    if not any(os.environ.get(name) for name in VARIABLES) and LARGE.is_dir() and os.access(LARGE, os.W_OK):
        return LARGE
    return Path(tempfile.gettempdir())

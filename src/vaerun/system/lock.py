"""A lock on a folder, so that two processes do not write there at once."""

import errno
import fcntl
from pathlib import Path
from types import TracebackType
from typing import IO, final

from vaerun.system.files import named
from vaerun.system.whole_file import open_to_append

# What flock answers on file systems without locks.
WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL, errno.EBADF)


@final
class FileLock:
    """Holds a lock on a file; the system releases it when the process ends, also if it is killed.

    Attributes:
        works: whether the file system has locks; without them, the lock protects nothing.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.works = path, True
        self._file: IO[bytes] | None = None

    def acquire(self) -> bool:
        """Takes the lock; returns False if another process holds it.

        Raises:
            UnsafeFileError: there is something else than a regular file at its path, such as a symbolic link.
            OSError: the file cannot be opened, because there is no permission.
        """
        with named(self.path):
            self._file = open_to_append(self.path)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                self.release()
                return False
            if error.errno not in WITHOUT_LOCKS:
                self.release()
                raise
            self.works = False
        return True

    def release(self) -> None:
        """Releases the lock if it is held."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> "FileLock":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

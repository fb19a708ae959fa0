"""An error of the operating system as one sentence: the place, the cause, and what to do."""

import errno
import os
from typing import NamedTuple

DISK = "free some space"
PLACE = "choose another place"


class Fault(NamedTuple):
    """What has failed.

    Attributes:
        what: the place and the cause, the first half of a sentence.
        remedy: what to do, the second half.
        code: the exit code: 2 if the user chose the place, 1 if the machine failed.
    """

    what: str
    remedy: str
    code: int

    def __str__(self) -> str:
        return f"{self.what}: {self.remedy}."


CAUSES: dict[int, tuple[str, str, int]] = {
    errno.ENOSPC: ("the disk is full", DISK, 1),
    errno.EDQUOT: ("your quota of disk space is used up", DISK, 1),
    errno.EFBIG: ("the file would exceed the size limit of this process", "raise the limit (ulimit -f)", 1),
    errno.EMFILE: ("this process has too many open files", "raise the limit (ulimit -n)", 1),
    errno.ENFILE: ("this machine has too many open files", "close other programs", 1),
    errno.EIO: ("the device reports an error", "check the disk", 1),
    errno.ESTALE: ("the network file system has lost the file", "check the file system", 1),
    errno.EROFS: ("the file system is read-only", PLACE, 2),
    errno.EACCES: ("there is no permission", f"change the permissions, or {PLACE}", 2),
    errno.EPERM: ("the operation is not permitted there", PLACE, 2),
    errno.ENOENT: ("it or its folder does not exist", f"check the path, or {PLACE}", 2),
    errno.ENOTDIR: ("a part of its path is not a folder", PLACE, 2),
    errno.EISDIR: ("it is a folder", PLACE, 2),
    errno.EEXIST: ("there is a file of that name", PLACE, 2),
    errno.ENAMETOOLONG: ("the name is too long", "choose a shorter one", 2),
    errno.ELOOP: ("it is a symbolic link, or its links form a circle", PLACE, 2),
    errno.ENOTEMPTY: ("it is not empty", PLACE, 2),
    errno.EXDEV: ("it is on another file system", PLACE, 2),
    errno.ENOLCK: ("the file system has no locks", PLACE, 1),
}
IN_WORDS = (errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


def fault_of(error: BaseException) -> Fault | None:
    """The fault that an exception reports; None if it is something else.

    Libraries raise some faults as errors of other classes, whose text ends with the words of the system.
    """
    if isinstance(error, OSError) and error.errno is not None:
        return _of_number(error.errno, error.filename, error.strerror)
    if "home directory" in str(error) and isinstance(error, RuntimeError):
        return Fault("~ in a path cannot be resolved, because HOME is not set", "write the whole path", 2)
    for number in IN_WORDS:
        if os.strerror(number) in str(error):
            return _of_number(number, None, os.strerror(number))
    return None


def _of_number(number: int, filename: object, words: str | None) -> Fault:
    if number == errno.ENOENT and _is_folder_gone():
        return Fault("the current folder was removed or renamed", "change to another folder (cd)", 2)
    cause, remedy, code = CAUSES.get(number, ("the system refuses it", PLACE, 1))
    place = str(filename) if filename else "a file or the output"
    return Fault(f"{place} cannot be written or read, because {cause} ({words or os.strerror(number)})", remedy, code)


def _is_folder_gone() -> bool:
    try:
        os.getcwd()  # noqa: PTH109 - without pathlib, which is slow to import
    except OSError:
        return True
    return False

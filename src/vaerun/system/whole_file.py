"""Writes the files of a run whole: what was there stays until the new content is complete."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from vaerun.system.files import UnsafeFileError, named, open_new, open_to_read, opened, refuse_links

BLOCK = 2**20  # bytes that are copied at a time


def open_to_append(path: Path, *, within: Path | None = None) -> IO[bytes]:
    """The file, unbuffered, to be appended to; it is created if it does not exist.

    A file with a second name (a hard link) is copied first, so that the other name keeps its content.

    Raises:
        UnsafeFileError: as ``open_to_read``.
        OSError: it cannot be written.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    file = os.fdopen(opened(path, flags, within), "ab", buffering=0)
    if os.fstat(file.fileno()).st_nlink == 1:
        return file
    file.close()
    with open_to_read(path, within=within) as before, replacing(path, within=within) as own:
        while block := before.read(BLOCK):
            own.write(block)
    return os.fdopen(opened(path, flags, within), "ab", buffering=0)


@contextmanager
def replacing(
    path: Path, *, within: Path | None = None, before: Path | None = None, part: Path | None = None
) -> Iterator[IO[bytes]]:
    """A file beside ``path`` that takes its place when the block ends, so that ``path`` is never half-written.

    Args:
        path: the file to write.
        within: the run directory; by default the folder of the file.
        before: the earlier file at ``path`` is kept under this name.
        part: the name of the new file until it is complete; by default, ``.NAME.part``.

    Raises:
        UnsafeFileError: as ``open_to_read``, of the folders.
        OSError: it cannot be written; what was at ``path`` stays. The error has the name of the file.
    """
    part = path.with_name(f".{path.name}.part") if part is None else part
    refuse_links(path, within)
    try:
        with named(path):
            part.unlink(missing_ok=True)  # left by a process that was killed, or put there by somebody else
            with open_new(part, within=within) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            if before is not None and path.exists():
                _keep(path, before)
            part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)  # on a full disk, half a file only takes up space
        raise


def _keep(path: Path, before: Path) -> None:
    """Gives the file at ``path`` a second name; ``path`` exists at every moment if the file system has links."""
    link = before.with_name(f".{before.name}.part")
    try:
        link.unlink(missing_ok=True)
        os.link(path, link, follow_symlinks=False)
    except OSError:
        path.replace(before)
    else:
        link.replace(before)


def write(path: Path, content: bytes, *, within: Path | None = None) -> None:
    """Writes a whole file, unless ``path`` has this content already; the old content stays until the new is complete.

    Raises:
        UnsafeFileError, OSError: as ``replacing``.
    """
    with suppress(FileNotFoundError, UnsafeFileError), named(path), open_to_read(path, within=within) as file:
        if os.fstat(file.fileno()).st_size == len(content) and file.read(len(content) + 1) == content:
            return
    with replacing(path, within=within) as file:
        file.write(content)


def append_line(path: Path, text: str, *, within: Path | None = None) -> None:
    """Appends a line; it starts on a line of its own even if the last one was half-written.

    Raises:
        UnsafeFileError, OSError: as ``open_to_append``; the error has the name of the file.
    """
    with named(path):
        whole = not path.exists() or ends_a_line(path, within)
        content = text.encode() + b"\n"
        content = content if whole else b"\n" + content
        with open_to_append(path, within=within) as file:
            while content:  # a full disk may take a part
                content = content[file.write(content) :]


def ends_a_line(path: Path, within: Path | None = None) -> bool:
    """Whether the file is empty, or its last byte is the end of a line."""
    with open_to_read(path, within=within) as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(end - 1, 0))
        return file.read(1) in (b"", b"\n")

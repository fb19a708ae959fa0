"""Files that are written whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacing(path: Path, *, before: Path | None = None, part: Path | None = None) -> Iterator[BinaryIO]:
    """A new file that takes the place of ``path`` when the block ends; after an error, ``path`` is as it was.

    The new file is written beside the old one, flushed to the disk and renamed, so that ``path`` is never half-written.

    Args:
        path: the file to write.
        before: the earlier file at ``path`` is kept under this name.
        part: the name of the new file until it is complete; by default, ``.NAME.part``.

    Raises:
        OSError: the file cannot be written; the error has the name of the file.
    """
    part = path.with_name(f".{path.name}.part") if part is None else part
    try:
        with named(path):
            with part.open("wb") as file:
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
        os.link(path, link)
    except OSError:
        path.replace(before)
    else:
        link.replace(before)


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a whole file, unless ``path`` has this content already.

    Raises:
        OSError: as ``replacing``.
    """
    with suppress(FileNotFoundError), named(path):
        if path.read_bytes() == content:
            return
    with replacing(path) as file:
        file.write(content)


def append_line(path: Path, text: str) -> None:
    """Appends a line; it starts on a line of its own even if the last one was half-written.

    Raises:
        OSError: the file cannot be written; the error has the name of the file.
    """
    with named(path), path.open("a+b", buffering=0) as file:
        content = text.encode() + b"\n"
        if end := file.seek(0, os.SEEK_END):
            file.seek(end - 1)
            content = content if file.read(1) == b"\n" else b"\n" + content
        while content:  # a full disk may take a part
            content = content[file.write(content) :]


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Adds the name of the file to an OSError that has none, as those of ``write`` have."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            error.filename = str(path)
        raise

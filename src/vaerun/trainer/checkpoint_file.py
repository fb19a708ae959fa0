"""A checkpoint as a file: the tensors as torch saves them, then a checksum of every byte before it."""

import errno
import os
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO, cast, final

import torch

from vaerun.files import named, open_to_read, replacing
from vaerun.system.memory import is_memory

MAGIC = b"vaerunCK"
TRAILER = struct.Struct("<8sI")  # MAGIC, and the CRC-32 of everything before
CHUNK = 2**20


class DamagedError(Exception):
    """The file is not what was written; the message says how, without the name of the file."""


def previous(path: Path) -> Path:
    """Where the checkpoint that was at ``path`` before is kept: last.pt ↦ last.previous.pt."""
    return path.with_name(f"{path.stem}.previous{path.suffix}")


def write(path: Path, state: dict[str, Any]) -> None:
    """Writes the state; the file that was at ``path`` becomes the previous one.

    Raises:
        OSError: the file cannot be written; the files are as they were.
    """
    with replacing(path, before=previous(path)) as file:
        counted = _Checksummed(cast(BinaryIO, file))
        try:
            torch.save(state, cast(BinaryIO, counted))
        except Exception as error:  # torch hides the error of a write behind its own
            raise (counted.error or error) from None
        file.write(TRAILER.pack(MAGIC, counted.checksum))


def read(path: Path, device: torch.device) -> tuple[Any, bool]:
    """The content of a checkpoint, and whether the file has a checksum, as those of earlier versions have none.

    Only tensors and plain values are loaded, so a file from another person cannot run code.

    Raises:
        DamagedError: a byte has changed, or the file is not a checkpoint.
        OSError: the file cannot be read, for example because it does not exist.
    """
    with named(path):
        checked = _check(path)
        try:
            _refuse_bomb(path)
            return _load(path, device), checked
        except DamagedError:
            raise
        except Exception as error:
            of_content = isinstance(error, OSError) and error.errno == errno.EINVAL  # a place outside the file
            if is_memory(error) or (isinstance(error, OSError) and not of_content):
                raise
            raise DamagedError(f"it is not a checkpoint, {type(error).__name__}") from error


def _load(path: Path, device: torch.device) -> Any:
    """Memory-mapped, because the tensors are copied into the strategy and would otherwise be in memory twice."""
    try:
        str(path).encode()
    except UnicodeEncodeError:  # torch cannot map a file whose name is not text in this locale
        with path.open("rb") as file:
            return torch.load(file, map_location=device, weights_only=True)
    return torch.load(path, map_location=device, weights_only=True, mmap=True)


def _check(path: Path) -> bool:
    """Compares the checksum; returns False if the file has none.

    Raises:
        DamagedError: the checksum is not that of the content.
    """
    with open_to_read(path, within=path.parent.parent) as file:
        length = os.fstat(file.fileno()).st_size - TRAILER.size
        if length < 0:
            raise DamagedError(f"it has only {length + TRAILER.size} bytes")
        file.seek(length)
        magic, written = TRAILER.unpack(file.read(TRAILER.size))
        if magic != MAGIC:
            return False  # before it is read whole, because it may be anything
        file.seek(0)
        checksum, left = 0, length
        while left and (chunk := file.read(min(CHUNK, left))):
            checksum, left = zlib.crc32(chunk, checksum), left - len(chunk)
    if written != checksum:
        raise DamagedError("its checksum is not that of its content")
    return True


def _refuse_bomb(path: Path) -> None:
    """Refuses an archive that would take more memory than the file takes on the disk; it is not unpacked.

    Raises:
        DamagedError: a member is compressed, or the members are larger than the file.
        zipfile.BadZipFile: it is not an archive.
    """
    with open_to_read(path, within=path.parent.parent) as file, zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        size = file.seek(0, os.SEEK_END)
    packed = any(member.compress_type != zipfile.ZIP_STORED for member in members)
    if packed or sum(member.file_size for member in members) > size:
        raise DamagedError("its content is larger than the file")


@final
class _Checksummed:
    """Passes bytes on to a file, and computes their checksum."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.checksum = file, 0
        self.error: BaseException | None = None  # torch hides it behind a RuntimeError, also if it is a signal's

    def write(self, content: Any) -> int:
        """Writes the bytes."""
        try:
            written = self.file.write(content)
            self.checksum = zlib.crc32(content, self.checksum)
            return written
        except BaseException as error:
            self.error = error
            raise

    def flush(self) -> None:
        """As of a file."""
        self.file.flush()

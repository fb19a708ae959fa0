"""A checkpoint as a file: the tensors as torch saves them, then a checksum of every byte before it."""

import errno
import mmap
import os
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, BinaryIO, cast, final

import torch
from torch import Tensor

from vaerun.data.free_memory import free_memory
from vaerun.system.files import named, open_to_read
from vaerun.system.memory import is_memory
from vaerun.system.whole_file import replacing

MAGIC = b"vaerunCK"
TRAILER = struct.Struct("<8sI")  # MAGIC, and the CRC-32 of everything before
CHUNK = 2**20
DESCRIPTORS = Path("/proc/self/fd")  # where Linux names the open files of a process


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
    # One descriptor: the file that is loaded is the one that was checked, also if another takes its name.
    with named(path), open_to_read(path, within=path.parent.parent) as file:
        checked = _check(file)
        try:
            _refuse_bomb(file)
            return _load(file, device), checked
        except DamagedError:
            raise
        except Exception as error:
            of_content = isinstance(error, OSError) and error.errno == errno.EINVAL  # a place outside the file
            if is_memory(error) or (isinstance(error, OSError) and not of_content):
                raise
            raise DamagedError(f"it is not a checkpoint, {type(error).__name__}") from error


def _load(file: IO[bytes], device: torch.device) -> Any:
    """Memory-mapped, because the tensors are copied into the strategy and would otherwise be in memory twice."""
    opened = DESCRIPTORS / str(file.fileno())
    if not opened.exists():  # torch maps a file by its name
        file.seek(0)
        return torch.load(file, map_location=device, weights_only=True)
    if 2 * os.fstat(file.fileno()).st_size < free_memory() or not os.access(opened, os.W_OK):
        return torch.load(opened, map_location=device, weights_only=True, mmap=True)
    # Linux counts private pages that could be written as memory, so those of a large file are shared. Nothing writes
    # to them: only ``tensors`` keep them, which are copied into the strategy.
    with torch.serialization.set_default_mmap_options(mmap.MAP_SHARED):
        state = torch.load(opened, map_location=device, weights_only=True, mmap=True)
    if not isinstance(state, dict):
        return copied(state)
    return {key: value if key == "tensors" else copied(value) for key, value in state.items()}


def copied(value: Any) -> Any:
    """A copy of nested mappings and lists in which every tensor is cloned."""
    if isinstance(value, Tensor):
        return value.clone()
    if isinstance(value, Mapping):
        return {key: copied(child) for key, child in value.items()}
    return [copied(child) for child in value] if isinstance(value, list) else value


def _check(file: IO[bytes]) -> bool:
    """Compares the checksum; returns False if the file has none.

    Raises:
        DamagedError: the checksum is not that of the content.
    """
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


def _refuse_bomb(file: IO[bytes]) -> None:
    """Refuses an archive that would take more memory than the file takes on the disk; it is not unpacked.

    Raises:
        DamagedError: a member is compressed, or the members are larger than the file.
        zipfile.BadZipFile: it is not an archive.
    """
    with zipfile.ZipFile(file) as archive:
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

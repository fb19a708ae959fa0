"""The IDX format: two zero bytes, a type, the number of axes, their sizes, and the values, all big-endian."""

import gzip
import hashlib
import io
import math
import zlib
from pathlib import Path
from typing import IO, cast

import numpy as np

from vaerun.data.data_file import DamagedFileError, data_file, fill, refuse_too_large

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
GZIP = b"\x1f\x8b"
RATIO = 1032
"""Deflate cannot compress more than this: 258 bytes into 2 bits."""


def read(
    path: Path, *, shape: tuple[int, ...] | None = None, sha256: str | None = None, remedy: str = "get the file again"
) -> np.ndarray:
    """The array in an IDX file, gzip-compressed or not, in the machine's byte order.

    Args:
        path: the file; its content, not its name, shows whether it is compressed.
        shape: the expected shape, if it is known.
        sha256: the expected hash of the decompressed content, if it is known.
        remedy: the last part of an error sentence.

    Raises:
        UserError: the file cannot be read, is damaged, or is not the expected one.
    """
    with data_file(path, remedy=remedy) as file:
        return parse(file.stream, file.size, shape=shape, sha256=sha256)


def decode(
    content: bytes | bytearray, *, shape: tuple[int, ...] | None = None, sha256: str | None = None
) -> np.ndarray:
    """The array in the bytes of an IDX file, gzip-compressed or not.

    Raises:
        ValueError: the bytes are damaged or not the expected ones; the message does not name the file.
    """
    return parse(io.BytesIO(content), len(content), shape=shape, sha256=sha256)


def parse(
    stream: IO[bytes], size: int, *, shape: tuple[int, ...] | None = None, sha256: str | None = None
) -> np.ndarray:
    """The array in a stream of ``size`` bytes. No more is decompressed than the header asks for.

    Raises:
        DamagedFileError: the bytes are damaged or not the expected ones; the message does not name the file.
    """
    if not size:
        raise DamagedFileError("it is empty")
    zipped = stream.read(2) == GZIP
    stream.seek(0)
    if not zipped:
        return _array(stream, size, shape=shape, sha256=sha256)
    try:
        with gzip.GzipFile(fileobj=stream) as unzipped:
            return _array(cast(IO[bytes], unzipped), None, shape=shape, sha256=sha256, limit=RATIO * size)
    except EOFError as error:
        raise DamagedFileError("it is cut off (its gzip stream has no end)") from error
    except (OSError, zlib.error) as error:
        raise DamagedFileError(f"its gzip stream is damaged ({error})") from error


def _array(
    stream: IO[bytes],
    size: int | None,
    *,
    shape: tuple[int, ...] | None,
    sha256: str | None,
    limit: int | None = None,
) -> np.ndarray:
    """The array; the stream has ``size`` bytes, or, if that is not known, at most ``limit``."""
    header, dtype, found = _header(stream)
    needed = math.prod(found) * dtype.itemsize
    if size is not None:
        _refuse_other_length(size - len(header), needed, found)
    elif limit is not None and needed > limit:
        raise DamagedFileError(f"it is cut off (it is too small for the {needed:,} bytes that the shape {found} needs)")
    refuse_too_large(math.prod(found), dtype.itemsize)
    values = np.empty(needed, np.uint8)
    held = fill(stream, values.data)
    _refuse_other_length(held + len(stream.read(1)), needed, found)  # the last read makes gzip check its checksum
    if shape is not None and found != shape:
        raise DamagedFileError(f"its array has the shape {found} instead of {shape}")
    if sha256 is not None:
        digest = hashlib.sha256(header)
        digest.update(values.data)
        if digest.hexdigest() != sha256:
            raise DamagedFileError(
                f"it is not the published file (sha256 of its unzipped content {digest.hexdigest()}, expected {sha256})"
            )
    return values.view(dtype).reshape(found).astype(dtype.newbyteorder("="), copy=False)


def _header(stream: IO[bytes]) -> tuple[bytes, np.dtype, tuple[int, ...]]:
    start = stream.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in TYPES or start[3] == 0:
        raise DamagedFileError(f"it is not an IDX file (it starts with {(start + stream.read(4))!r})")
    axes = start[3]
    sizes = stream.read(4 * axes)
    if len(sizes) < 4 * axes:
        raise DamagedFileError("it is cut off inside its header")
    return start + sizes, np.dtype(TYPES[start[2]]), tuple(int(n) for n in np.frombuffer(sizes, ">u4"))


def _refuse_other_length(found: int, needed: int, shape: tuple[int, ...]) -> None:
    if found != needed:
        counted = f"it holds {found:,} bytes of values" if found < needed else "it holds more bytes of values"
        raise DamagedFileError(
            f"it is {'cut off' if found < needed else 'longer than its header says'} ({counted}, and the shape {shape} "
            f"needs {needed:,})"
        )

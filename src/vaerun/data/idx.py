"""The IDX format: two zero bytes, a type, the number of axes, their sizes, and the values, all big-endian."""

import gzip
import hashlib
import io
import math
import zlib
from pathlib import Path

import numpy as np

from vaerun.errors import UserError

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
GZIP = b"\x1f\x8b"


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
    try:
        return decode(path.read_bytes(), shape=shape, sha256=sha256)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(f"{path} cannot be used, because {reason}: {remedy}.") from error


def decode(
    content: bytes | bytearray, *, shape: tuple[int, ...] | None = None, sha256: str | None = None
) -> np.ndarray:
    """The array in the bytes of an IDX file, gzip-compressed or not.

    Raises:
        ValueError: the bytes are damaged or not the expected ones; the message does not name the file.
    """
    if content[:2] == GZIP:
        content = _unzip(content)
    array = _parse(content)
    if shape is not None and array.shape != shape:
        raise ValueError(f"its array has the shape {array.shape} instead of {shape}")
    if sha256 is not None and (found := hashlib.sha256(content).hexdigest()) != sha256:
        raise ValueError(f"it is not the published file (sha256 of its unzipped content {found}, expected {sha256})")
    return np.require(array.astype(array.dtype.newbyteorder("="), copy=False), requirements="W")


def _unzip(content: bytes | bytearray) -> bytearray:
    unzipped = bytearray()  # a bytearray, so that an array can use this memory and write to it
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            while piece := file.read(2**20):
                unzipped += piece
        return unzipped
    except EOFError as error:
        raise ValueError("it is cut off (its gzip stream has no end)") from error
    except (OSError, zlib.error) as error:
        raise ValueError(f"its gzip stream is damaged ({error})") from error


def _parse(content: bytes | bytearray) -> np.ndarray:
    if not content:
        raise ValueError("it is empty")
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in TYPES or content[3] == 0:
        raise ValueError(f"it is not an IDX file (it starts with {content[:8]!r})")
    dtype, axes = np.dtype(TYPES[content[2]]), content[3]
    start = 4 + 4 * axes
    if len(content) < start:
        raise ValueError("it is cut off inside its header")
    shape = tuple(int(n) for n in np.frombuffer(content, ">u4", axes, 4))
    expected, found = math.prod(shape) * dtype.itemsize, len(content) - start
    if found != expected:
        state = "cut off" if found < expected else "longer than its header says"
        raise ValueError(f"it is {state} (it holds {found} bytes of values, and the shape {shape} needs {expected})")
    return np.frombuffer(content, dtype, offset=start).reshape(shape)

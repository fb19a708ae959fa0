"""The npy format: a header with type and shape, then the values. Nothing is allocated before the header is checked."""

import io
import math
import warnings
from typing import IO, NamedTuple

import numpy as np

from vaerun.data.data_file import DamagedFileError, fill, refuse_too_large

MAGIC = b"\x93NUMPY"
LONGEST = 10_000
"""Bytes of the longest header that is read, as in NumPy: a longer one describes a record with many fields."""


class Header(NamedTuple):
    """What an npy file says before its values."""

    shape: tuple[int, ...]
    fortran: bool  # whether the first axis changes fastest
    dtype: np.dtype
    start: int  # bytes before the values

    @property
    def numbers(self) -> int:
        """The number of values."""
        return math.prod(self.shape)

    @property
    def size(self) -> int:
        """Bytes of the values."""
        return self.numbers * self.dtype.itemsize


def read(stream: IO[bytes], size: int, *, exact: bool = True) -> np.ndarray:
    """The array in a stream of ``size`` bytes.

    Args:
        stream: of the header and the values.
        size: its bytes.
        exact: whether it has so many bytes; otherwise it has at most so many, as a compressed stream.

    Raises:
        DamagedFileError: it is damaged, or holds something other than numbers; the message does not name the file.
    """
    header = read_header(stream, size, exact=exact)
    refuse_too_large(header.numbers, header.dtype.itemsize)
    values = np.empty(header.size, np.uint8)
    if fill(stream, values.data) < header.size:
        raise DamagedFileError("it is damaged or cut off inside its values")
    if stream.read(1):  # at the end of a compressed stream, this also checks its checksum
        raise DamagedFileError("it is longer than its header says")
    return shaped(values, header)


def shaped(values: np.ndarray, header: Header) -> np.ndarray:
    """The array of the bytes after a header, uint8; not a copy.

    Raises:
        DamagedFileError: a boolean is neither 0 nor 1.
    """
    if header.dtype.kind == "b" and values.max() > 1:
        raise DamagedFileError(f"it is damaged (one of its booleans is {values.max()})")
    return values.view(header.dtype).reshape(header.shape, order="F" if header.fortran else "C")


def read_header(stream: IO[bytes], size: int, *, exact: bool = True) -> Header:
    """The header of a file of ``size`` bytes, or of at most so many if they are not ``exact``.

    Raises:
        DamagedFileError: it is damaged, describes objects, or does not fit the size.
    """
    header = _header(stream)
    found = size - header.start
    if found < header.size or (exact and found > header.size):
        state = "damaged or cut off" if found < header.size else "longer than its header says"
        raise DamagedFileError(
            f"it is {state} (it holds {'' if exact else 'at most '}{found:,} bytes of values, and the shape "
            f"{_short(header.shape)} of {header.dtype} needs {_short(header.size)})"
        )
    if not header.numbers:
        raise DamagedFileError(f"it holds no values (its shape is {_short(header.shape)})")
    return header


def _header(stream: IO[bytes]) -> Header:
    start = stream.read(8)
    if start[:6] == MAGIC and len(start) < 8:
        raise DamagedFileError("it is damaged or cut off inside its header")
    if start[:6] != MAGIC or start[6] not in (1, 2, 3) or start[7] != 0:
        raise DamagedFileError(f"it is not an npy array (it starts with {start!r})")
    width = 2 if start[6] == 1 else 4
    stated = stream.read(width)
    length = int.from_bytes(stated, "little")
    if length > LONGEST:
        raise DamagedFileError(f"its header is {length:,} bytes long, and that of an array of numbers has about 100")
    text = stream.read(length)
    if len(stated) < width or len(text) < length:
        raise DamagedFileError("it is damaged or cut off inside its header")
    shape, fortran, dtype = _parsed(stated + text, version=start[6])
    if dtype.hasobject:
        raise DamagedFileError(
            "it holds Python objects instead of numbers (they are not read, because they can run code)"
        )
    if any(n < 0 for n in shape):
        raise DamagedFileError(f"its header is damaged (the shape is {_short(shape)})")
    return Header(shape, fortran, dtype, 8 + width + length)


def _parsed(header: bytes, *, version: int) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Version 3 differs from 2 only in how field names of records are encoded, and records are refused."""
    parse = np.lib.format.read_array_header_1_0 if version == 1 else np.lib.format.read_array_header_2_0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            shape, fortran, dtype = parse(io.BytesIO(header), max_header_size=LONGEST)
    except Exception as error:  # NumPy evaluates a Python literal, which can fail in many ways, also for lack of stack
        raise DamagedFileError(f"its header is damaged (it reads {header[2:80]!r})") from error
    return tuple(int(n) for n in shape), bool(fortran), dtype


def _short(value: object) -> str:
    text = f"{value:,}" if isinstance(value, int) else str(value)
    return text if len(text) <= 80 else f"{text[:60]}…"

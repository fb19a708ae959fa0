"""npz files: zip archives of npy arrays, read without pickle; what is read is limited by the file's size."""

import io
import zipfile
from collections.abc import Callable, Sequence

import numpy as np

from vaerun.data import npy
from vaerun.data.data_file import DamagedFileError, DataFile, cause

RATIOS = {zipfile.ZIP_STORED: 1, zipfile.ZIP_DEFLATED: 1032}
"""How much each method can compress at most. zipfile cannot limit what a piece of the others is inflated to."""
METHODS = {zipfile.ZIP_BZIP2: "bzip2", zipfile.ZIP_LZMA: "LZMA"}
END, END_64, END_SIZE = b"PK\5\6", b"PK\6\6", 22
LARGEST_DIRECTORY = 4 * 2**20
"""Bytes of the list of names, about 50,000 arrays. zipfile reads it into objects that are ten times as large."""


def read(file: DataFile, choose: Callable[[Sequence[str]], Sequence[str]]) -> dict[str, np.ndarray]:
    """The arrays of an archive that ``choose`` picks from its names; the others are not read.

    Raises:
        DamagedFileError: the archive is damaged or holds something other than arrays; the message does not name the
        file.
    """
    _refuse_large_directory(file)
    try:
        archive = zipfile.ZipFile(file.stream)
    except Exception as error:
        raise DamagedFileError(cause(error)) from error
    with archive:
        members = archive.infolist()
        names = [member.filename.removesuffix(".npy") for member in members]
        return {name: _array(archive, _only(name, names, members), file.size) for name in choose(names)}


def _only(name: str, names: Sequence[str], members: Sequence[zipfile.ZipInfo]) -> zipfile.ZipInfo:
    if names.count(name) > 1:
        raise DamagedFileError(f"it holds {names.count(name)} arrays with the name {name!r}")
    return members[names.index(name)]


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, size: int) -> np.ndarray:
    try:
        if member.flag_bits & 1:
            raise DamagedFileError("it is encrypted")
        if member.compress_type not in RATIOS:
            method = METHODS.get(member.compress_type, f"method {member.compress_type}")
            raise DamagedFileError(f"it is compressed by {method}, and numpy.savez_compressed uses deflate")
        if member.compress_size > size or member.file_size > RATIOS[member.compress_type] * member.compress_size:
            raise DamagedFileError(
                f"it is damaged (its {member.compress_size:,} bytes cannot hold {member.file_size:,} bytes)"
            )
        with archive.open(member) as stream:
            return npy.read(stream, member.file_size)
    except Exception as error:
        raise DamagedFileError(f"its array {member.filename!r} cannot be read ({cause(error)})") from error


def _refuse_large_directory(file: DataFile) -> None:
    """Looks at the stated size of the list of names before zipfile reads it."""
    file.stream.seek(max(0, file.size - END_SIZE - 2**16))
    tail = file.stream.read()
    place = tail.rfind(END)
    record = tail[place : place + END_SIZE]
    if place < 0 or len(record) < END_SIZE:
        raise DamagedFileError("it is damaged or cut off (it is not a complete zip archive)")
    stated = int.from_bytes(record[12:16], "little")
    if place >= 76 and tail[place - 76 : place - 72] == END_64:
        stated = int.from_bytes(tail[place - 36 : place - 28], "little")
    if stated > LARGEST_DIRECTORY:
        raise DamagedFileError(f"its list of names has {stated:,} bytes, and that of an npz file has at most a few MB")


def pack(arrays: dict[str, np.ndarray]) -> bytes:
    """The bytes of a compressed archive."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()

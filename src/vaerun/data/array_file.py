"""FILE ↦ arrays of numbers, from a user's npz, npy or IDX file."""

import gzip
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, NamedTuple, cast

import numpy as np

from vaerun.data import idx, npy, npz
from vaerun.data.array_names import ArrayNames, Chosen
from vaerun.data.data_file import DamagedFileError, DataFile, data_file

ZIP = b"PK"
REMEDY = "give an npz, npy or IDX file of numbers, such as numpy.savez(path, x=array) writes"


class FileArrays(NamedTuple):
    """The arrays of points of a file, and the arrays of their labels if they are in the same file.

    ``points`` are by the name of the array, ``splits`` says which of them is train, valid or test (empty for one array
    that is yet to be split), and ``labels`` are by the name of the array of points.
    """

    points: dict[str, np.ndarray]
    splits: dict[str, str]
    labels: dict[str, np.ndarray]


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays {train, valid, test}, or one array under its own name; other arrays, such as labels, are not read.

    From an npz file: those that ``ArrayNames.choose`` takes without keys.

    Raises:
        UserError: the file does not exist, is damaged, has another format, or holds other arrays.
    """
    return read_named(path, ArrayNames()).points


def read_named(path: Path, names: ArrayNames) -> FileArrays:
    """The arrays that ``names`` chooses; other arrays are not read.

    Raises:
        UserError: the file does not exist, is damaged, has another format, or does not hold these arrays.
    """
    with data_file(path, remedy=REMEDY) as file:
        start = file.stream.read(len(npy.MAGIC))
        file.stream.seek(0)
        if not start.startswith(ZIP):
            names.refuse_without_npz(path)
            name = path.name.removesuffix(".gz").removesuffix(".npy")
            return FileArrays({name: _single(path, file, start)}, {}, {})
        chosen: list[Chosen] = []

        def choose(held: Sequence[str]) -> Sequence[str]:
            chosen.append(names.choose(held, path))
            return chosen[0].arrays

        arrays = npz.read(file, choose)
    points, splits, labels = chosen[0]
    return FileArrays(
        {name: arrays[name] for name in points}, splits, {name: arrays[label] for name, label in labels.items()}
    )


def _single(path: Path, file: DataFile, start: bytes) -> np.ndarray:
    """The array of a file that begins with ``start`` and is no npz file."""
    if start == npy.MAGIC:
        return npy.read(file.stream, file.size)
    if path.suffix in (".npz", ".npy") and start:
        raise DamagedFileError(f"it is not an {path.suffix} file (it starts with {start!r})")
    if start.startswith(idx.GZIP) and (array := _unzipped(file, _npy)) is not None:
        return array
    file.stream.seek(0)
    return idx.parse(file.stream, file.size)


def _npy(stream: IO[bytes], most: int) -> np.ndarray | None:
    """The array of an unzipped npy file; None if it is another file."""
    start = stream.read(len(npy.MAGIC))
    stream.seek(0)
    return npy.read(stream, most, exact=False) if start == npy.MAGIC else None


def _unzipped(file: DataFile, read: Callable[[IO[bytes], int], np.ndarray | None]) -> np.ndarray | None:
    """What ``read`` makes of the unzipped stream and of the largest size that it can have."""
    try:
        with gzip.GzipFile(fileobj=file.stream) as unzipped:
            return read(cast(IO[bytes], unzipped), idx.RATIO * file.size)
    except EOFError as error:
        raise DamagedFileError("it is cut off (its gzip stream has no end)") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DamagedFileError(f"its gzip stream is damaged ({error})") from error

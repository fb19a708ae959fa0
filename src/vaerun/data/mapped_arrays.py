"""Arrays of npy files that stay in their files: only the header is read."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from vaerun.data import npy
from vaerun.data.array_file import REMEDY
from vaerun.data.array_names import SPLITS
from vaerun.data.data_file import DataFile, data_file
from vaerun.data.mapped import MappedFile, is_mapped
from vaerun.errors import UserError


class MappedArrays(NamedTuple):
    """Arrays by name, and the mapped files that hold their values."""

    arrays: dict[str, np.ndarray]
    files: dict[str, MappedFile]


def mapped_arrays(path: Path, *, memory: str) -> MappedArrays | None:
    """The array of an npy file, or of the files train.npy, valid.npy and test.npy of a folder.

    Args:
        path: the file or folder.
        memory: auto, read or map. An array that is not mapped is read.

    Returns:
        None if ``path`` is a file that is not mapped.

    Raises:
        UserError: a file is missing or damaged, or ``map`` is chosen for a file that is not npy.
    """
    found: dict[str, tuple[np.ndarray, MappedFile | None]] = {}
    if path.is_dir():
        for split in SPLITS:
            with data_file(path / f"{split}.npy", remedy=REMEDY) as file:
                found[split] = _mapped(file, path, memory) or (npy.read(file.stream, file.size), None)
    else:
        with data_file(path, remedy=REMEDY) as file:
            if _is_npy(file, path, memory) and (pair := _mapped(file, path, memory)) is not None:
                found[path.stem] = pair
    if not found:
        return None
    files = {name: file for name, (_, file) in found.items() if file is not None}
    return MappedArrays({name: array for name, (array, _) in found.items()}, files)


def _is_npy(file: DataFile, path: Path, memory: str) -> bool:
    start = file.stream.read(len(npy.MAGIC))
    file.stream.seek(0)
    if start != npy.MAGIC and memory == "map":
        raise UserError(
            f"data.memory=map needs an npy file, but {path} is none: save the array with numpy.save(FILE, x), or use "
            "data.memory=auto."
        )
    return start == npy.MAGIC


def _mapped(file: DataFile, path: Path, memory: str) -> tuple[np.ndarray, MappedFile] | None:
    """The array in the file; None if it is to be read, from the start of the file."""
    header = npy.read_header(file.stream, file.size)
    if not is_mapped(memory, header.numbers, header.dtype.itemsize):
        file.stream.seek(0)
        return None
    mapped = MappedFile(file.stream, path, start=header.start, size=header.size)
    return npy.shaped(mapped.bytes(), header), mapped

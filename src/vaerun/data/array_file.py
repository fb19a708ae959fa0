"""FILE ↦ one or three arrays of numbers, from a user's npz, npy or IDX file."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vaerun.data import idx, npy, npz
from vaerun.data.data_file import DamagedFileError, DataFile, data_file

SPLITS = ("train", "valid", "test")
ZIP = b"PK"
REMEDY = "give an npz, npy or IDX file of numbers, such as numpy.savez(path, x=array) writes"


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays {train, valid, test}, or one array under its own name; other arrays, such as labels, are not read.

    From an npz file: train, valid and test if it has all three, otherwise x, otherwise its only array.

    Raises:
        UserError: the file does not exist, is damaged, has another format, or holds other arrays.
    """
    with data_file(path, remedy=REMEDY) as file:
        return _by_content(path, file)


def _by_content(path: Path, file: DataFile) -> dict[str, np.ndarray]:
    start = file.stream.read(len(npy.MAGIC))
    file.stream.seek(0)
    if start.startswith(ZIP):
        return npz.read(file, _choose)
    if start == npy.MAGIC:
        return {path.stem: npy.read(file.stream, file.size)}
    if path.suffix in (".npz", ".npy") and start:
        raise DamagedFileError(f"it is not an {path.suffix} file (it starts with {start!r})")
    return {path.stem: idx.parse(file.stream, file.size)}


def _choose(names: Sequence[str]) -> Sequence[str]:
    if all(split in names for split in SPLITS):
        return SPLITS
    if "x" in names:
        return ("x",)
    if len(names) == 1:
        return names
    shown = ", ".join(map(_shown, names[:8])) + (" …" if len(names) > 8 else "") if names else "none"
    raise DamagedFileError(f"its arrays are {shown}, but it needs train, valid and test, or x, or only one array")


def _shown(name: str) -> str:
    """A name in a sentence: text from a file can hold control characters for a terminal."""
    name = name if len(name) <= 40 else f"{name[:37]}..."
    return name if name.isprintable() else repr(name)

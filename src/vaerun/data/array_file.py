"""FILE ↦ one or three arrays of numbers, from a user's npz, npy or IDX file."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vaerun.data import idx, npz
from vaerun.errors import UserError

SPLITS = ("train", "valid", "test")
NPY, ZIP = b"\x93NUMPY", b"PK"


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays {train, valid, test}, or one array under its own name; other arrays, such as labels, are not read.

    From an npz file: train, valid and test if it has all three, otherwise x, otherwise its only array.

    Raises:
        UserError: the file does not exist, is damaged, has another format, or holds other arrays.
    """
    if not path.exists():
        raise UserError(f"data.path={path} does not exist: name an npz, npy or IDX file.")
    if path.is_dir():
        raise UserError(
            f"data.path={path} is a folder, not a file: put its points into one array and save that as an npz file."
        )
    try:
        return _by_content(path)
    except (OSError, ValueError, EOFError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(
            f"{path} cannot be used, because {reason}: give an npz, npy or IDX file of numbers, such as "
            "numpy.savez(path, x=array) writes."
        ) from error


def _by_content(path: Path) -> dict[str, np.ndarray]:
    with path.open("rb") as file:
        start = file.read(len(NPY))
    if start.startswith(ZIP):
        return npz.read(path, _choose)
    if start == NPY:
        return {path.stem: _npy(path)}
    if path.suffix in (".npz", ".npy"):
        raise ValueError(f"it is not an {path.suffix} file (it starts with {start!r})")
    return {path.stem: idx.decode(path.read_bytes())}


def _npy(path: Path) -> np.ndarray:
    try:
        return np.asarray(np.load(path, allow_pickle=False))
    except ValueError as error:
        told = npz.unpickled(error)
        raise (ValueError(f"it is damaged or cut off ({error})") if told is error else told) from error


def _choose(names: Sequence[str]) -> Sequence[str]:
    if all(split in names for split in SPLITS):
        return SPLITS
    if "x" in names:
        return ("x",)
    if len(names) == 1:
        return names
    held = ", ".join(names[:8]) + (" …" if len(names) > 8 else "") if names else "none"
    raise ValueError(f"its arrays are {held}, but it needs train, valid and test, or x, or only one array")

"""npz files, read without pickle; damaged files raise a ValueError that says what is wrong."""

import io
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

Reader = Callable[[], dict[str, np.ndarray]]


def read(path: Path, choose: Callable[[Sequence[str]], Sequence[str]]) -> dict[str, np.ndarray]:
    """The arrays of an archive that ``choose`` picks from its names; the others are not read.

    Raises:
        ValueError: the archive is damaged or holds something other than arrays; the message does not name the file.
        OSError: the file cannot be read.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in choose(archive.files)}
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError) as error:
        raise ValueError(f"it is damaged or cut off ({error})") from error
    except ValueError as error:
        raise unpickled(error) from error
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):
            raise ValueError(f"its member {name!r} is not a NumPy array")
    return arrays


def unpickled(error: ValueError) -> ValueError:
    """Replaces NumPy's advice to allow pickles, which can run code, by what is wrong with the file."""
    if "allow_pickle" in str(error) or "pickled" in str(error):
        return ValueError("it holds Python objects instead of numbers (they are not read, because they can run code)")
    return error


def pack(arrays: dict[str, np.ndarray]) -> bytes:
    """The bytes of a compressed archive."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()

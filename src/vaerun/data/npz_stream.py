"""An npz file that is written in parts: its arrays are never in memory as a whole."""

import io
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import numpy as np

PIECE = 2**20


def write_npz(file: IO[bytes], parts: Iterable[Mapping[str, np.ndarray]], *, rows: int, folder: Path) -> None:
    """Writes an npz file of the parts of some arrays, one after another along the first axis.

    An archive holds its arrays one after another, so each array is collected in a temporary file without a name.

    Args:
        file: open for writing.
        parts: arrays [B, …] by name; every part has the same names, types and other axes.
        rows: the sum of all B.
        folder: for the temporary files.
    """
    spilled: dict[str, tuple[IO[bytes], np.ndarray]] = {}
    with ExitStack() as held:
        for part in parts:
            for name, values in part.items():
                if name not in spilled:
                    spilled[name] = held.enter_context(tempfile.TemporaryFile(dir=folder)), values[:0]
                stream, like = spilled[name]
                stream.write(values.astype(like.dtype, copy=False).tobytes())
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for name, (stream, like) in spilled.items():
                stream.seek(0)
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    member.write(header(like.dtype, (rows, *like.shape[1:])))
                    shutil.copyfileobj(stream, member, PIECE)


def header(dtype: np.dtype, shape: tuple[int, ...]) -> bytes:
    """The bytes of an npy file before its values."""
    buffer = io.BytesIO()
    described = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(buffer, described)
    return buffer.getvalue()

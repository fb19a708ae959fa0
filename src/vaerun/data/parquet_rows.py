"""Columns of a Parquet file that is larger than memory, row group by row group."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vaerun.data.data_file import DamagedFileError, data_file
from vaerun.data.mapped import MappedRows, write_rows
from vaerun.errors import MissingPackageError

REMEDY = "give a Parquet file with columns of numbers, such as pandas' DataFrame.to_parquet writes"
ROWS = 65_536  # that are read at a time; a row group can be larger


def parquet_rows(path: Path, columns: Sequence[str]) -> MappedRows:
    """Numbers of some columns as rows [N, X], float32, in a scratch file; a missing value is nan.

    At most one batch of ``ROWS`` rows is in memory besides the row group that the file gives it from.

    Args:
        path: the file.
        columns: the names of the X columns, in their order.

    Raises:
        UserError: pyarrow is not installed, the file is damaged, a column does not exist or holds no numbers, or a
        number does not fit into float32.
    """
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise MissingPackageError("a Parquet file", "pyarrow", extra="table") from None
    with data_file(path, remedy=REMEDY) as file:
        opened = parquet.ParquetFile(file.stream, memory_map=False, pre_buffer=False)
        missing = [name for name in columns if name not in opened.schema_arrow.names]
        if missing:
            known = ", ".join(opened.schema_arrow.names[:8])
            raise DamagedFileError(f"it has no column {missing[0]!r} (its first columns are {known})")
        chunks = _chunks(opened, list(columns))
        return write_rows(chunks, opened.metadata.num_rows, len(columns), torch.float32, f"{path}")


def _chunks(opened: Any, columns: list[str]) -> Iterator[np.ndarray]:
    done = 0
    for batch in opened.iter_batches(batch_size=ROWS, columns=columns):
        rows = np.empty((batch.num_rows, len(columns)), np.float32)
        for place, name in enumerate(columns):
            values = batch.column(batch.schema.get_field_index(name)).to_numpy(zero_copy_only=False)
            if values.dtype.kind not in "biuf":
                raise DamagedFileError(f"its column {name!r} holds {values.dtype} instead of numbers")
            with np.errstate(over="ignore"):
                rows[:, place] = values
            lost = np.isinf(rows[:, place])
            if lost.any():
                row = int(np.argmax(lost))
                raise DamagedFileError(
                    f"its column {name!r} holds {values[row]} in row {done + row} (from 0), which float32 cannot hold"
                )
        done += len(rows)
        yield rows

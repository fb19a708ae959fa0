"""A Parquet file that is larger than memory, as a table whose columns are read one at a time."""

import base64
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, final

import numpy as np
import torch

from vaerun.data.column_type import cells_of
from vaerun.data.mapped import MappedRows, Rows, write_rows
from vaerun.data.table_columns import codes_of, rounded
from vaerun.notation import Column

if TYPE_CHECKING:
    import pandas

CELLS = 2**22  # that are read at a time when all columns are


@final
class ParquetTable:
    """The columns of an open Parquet file. At most one column, or some rows of all columns, are in memory.

    Args:
        opened: the pyarrow.parquet.ParquetFile.
        name: of the file, for messages.
    """

    def __init__(self, opened: Any, name: object) -> None:
        self.opened, self.name = opened, name
        self.columns: list[str] = list(opened.schema_arrow.names)
        self.categories = _categories(opened)

    def __len__(self) -> int:
        return int(self.opened.metadata.num_rows)

    def __getitem__(self, column: str) -> "pandas.Series":
        return self._declared(self.opened.read(columns=[column]))[column]

    def whole(self) -> "pandas.DataFrame":
        """All columns."""
        return self._declared(self.opened.read())

    def _declared(self, read: Any) -> "pandas.DataFrame":
        """The columns without the metadata of pandas, which could turn one into an index; categories are categories."""
        table = read.to_pandas(ignore_metadata=True)
        return table.astype({name: "category" for name in table.columns if name in self.categories})

    def rows(self, columns: Sequence[Column]) -> MappedRows:
        """x of all rows, float32 [N, X], in a scratch file; a missing value is nan.

        Args:
            columns: the X columns, whose cells have been checked and fit into float32.
        """
        return write_rows(self._parts(columns), len(self), len(columns), torch.float32, f"{self.name}")

    def _parts(self, columns: Sequence[Column]) -> Iterator[np.ndarray]:
        names, size = [column.name for column in columns], max(1, CELLS // len(columns))
        for batch in self.opened.iter_batches(batch_size=size, columns=names):
            part = batch.to_pandas(ignore_metadata=True)
            x = np.empty((len(part), len(columns)), np.float32)
            for place, column in enumerate(columns):
                x[:, place] = codes_of(cells_of(column.name, part[column.name], column.kind), column)
            yield x


def _categories(opened: Any) -> frozenset[str]:
    """The columns that were categories when the file was written: pyarrow reads those that are numbers as numbers."""
    import pyarrow

    schema = (opened.metadata.metadata or {}).get(b"ARROW:schema")
    if schema is None:
        return frozenset()
    try:
        written = pyarrow.ipc.read_schema(pyarrow.BufferReader(base64.b64decode(schema)))
    except (pyarrow.ArrowException, ValueError, OSError):
        return frozenset()
    return frozenset(field.name for field in written if pyarrow.types.is_dictionary(field.type))


def stored(
    table: "pandas.DataFrame | ParquetTable", encoded: Iterable[tuple[np.ndarray, Column]], width: int
) -> tuple[Rows, list[Column], list[str]]:
    """The rows of x, float32 [N, X], their columns, and sentences about rounding.

    Args:
        table: from which the columns are. The rows of a DataFrame are stored in memory, others in a scratch file.
        encoded: the values, float64 [N], and the description of every column; used one at a time.
        width: X.

    Raises:
        UserError: a value does not fit into float32, or the disk has no space for the rows.
    """
    kept = None if isinstance(table, ParquetTable) else np.empty((len(table), width), np.float32)
    columns: list[Column] = []
    warnings: list[str] = []
    for place, (values, column) in enumerate(encoded):
        x, said = rounded(values, column)
        if kept is not None:
            kept[:, place] = x
        columns.append(column)
        warnings += said
    if isinstance(table, ParquetTable):
        return table.rows(columns), columns, warnings
    return torch.from_numpy(kept), columns, warnings

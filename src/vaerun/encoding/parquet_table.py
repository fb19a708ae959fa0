"""FILE.parquet: a column for each number of a row, written by pyarrow."""

from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any, ClassVar, final

from vaerun.encoding.encode import Part
from vaerun.encoding.table import Table, flat


@final
class ParquetTable(Table):
    """Columns index, split, mean_0, …, scale_0, …; one row group for each part."""

    suffix: ClassVar[str] = ".parquet"
    packages: ClassVar[tuple[str, ...]] = ("pyarrow", "pyarrow.parquet")
    extra: ClassVar[str] = "table"

    def write(self, file: IO[bytes], parts: Iterable[Part], *, rows: int, folder: Path) -> None:
        arrow, parquet = self.modules()
        writer: Any = None
        try:
            for part in parts:
                some = arrow.table({name: arrow.array(values) for name, values in flat(part).items()})
                writer = parquet.ParquetWriter(file, some.schema) if writer is None else writer
                writer.write_table(some)
        finally:
            if writer is not None:
                writer.close()

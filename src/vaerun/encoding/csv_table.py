"""FILE.csv: a header, and a line for each point."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import IO, ClassVar, final

from vaerun.encoding.encode import Part
from vaerun.encoding.table import Table, flat


@final
class CsvTable(Table):
    """Comma-separated values in UTF-8 with a header; a number has the digits that its float32 needs."""

    suffix: ClassVar[str] = ".csv"

    def write(self, file: IO[bytes], parts: Iterable[Part], *, rows: int, folder: Path) -> None:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        try:
            writer = csv.writer(text)
            for number, part in enumerate(parts):
                columns = flat(part)
                if number == 0:
                    writer.writerow(columns)
                writer.writerows(zip(*(map(str, values) for values in columns.values()), strict=True))
        finally:
            text.detach()  # the file stays open for whoever opened it

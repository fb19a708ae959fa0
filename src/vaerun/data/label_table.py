"""FILE ↦ the label of each image: a CSV file with columns file and label."""

import csv
import io
from pathlib import Path

from vaerun.data.data_file import DamagedFileError, data_file
from vaerun.errors import counted

COLUMNS = ("file", "label")
LARGEST = 2**28
REMEDY = "give a CSV file in UTF-8 whose first line is file,label"


def read_labels(path: Path) -> dict[str, str]:
    """File ↦ label, of a table whose first line names the columns file and label; other columns are not read.

    Raises:
        UserError: the file cannot be read, has no such columns, or says two things about one file.
    """
    with data_file(path, remedy=REMEDY) as file:
        if file.size > LARGEST:
            raise DamagedFileError(f"it has {file.size:,} bytes, and at most {LARGEST:,} are read")
        try:
            text = file.stream.read(LARGEST).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise DamagedFileError(f"it is not text in UTF-8 (byte {error.start:,})") from error
        rows = csv.reader(io.StringIO(text, newline=""), strict=True)
        header = [name.strip() for name in next(rows, [])]
        for column in COLUMNS:
            if header.count(column) != 1:
                first = ",".join(header)[:80]
                raise DamagedFileError(f"its first line must name the columns file and label once, and reads {first!r}")
        name, label = (header.index(column) for column in COLUMNS)
        labels: dict[str, str] = {}
        for row in rows:
            if not row:
                continue
            if len(row) != len(header):
                raise DamagedFileError(
                    f"line {rows.line_num:,} has {counted(len(row), 'value')}, and the first has {len(header)}"
                )
            if labels.setdefault(row[name].strip(), row[label].strip()) != row[label].strip():
                raise DamagedFileError(f"line {rows.line_num:,} gives {row[name][:80]!r} a second label")
    return labels

"""FILE ↦ table: CSV, TSV and Parquet files, read as data only."""

import csv
import io
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from vaerun.data.cell_text import is_number
from vaerun.data.data_file import DamagedFileError, DataFile, TooLargeError, data_file
from vaerun.data.free_memory import free_memory
from vaerun.data.mapped import is_mapped
from vaerun.data.parquet_table import ParquetTable
from vaerun.errors import MissingPackageError, UserError, counted
from vaerun.system.memory import amount

if TYPE_CHECKING:
    import pandas

PARQUET = b"PAR1"
REMEDY = "give a CSV, TSV or Parquet file with one row for each point and a name for each column"
MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL")
"""Texts of a CSV or TSV file that stand for a cell without a value."""
TAB = "tab"  # in words, because it is hard to write on a command line
AS_PARQUET = "write it as Parquet, as docs/large.md shows, which can be read column by column"
NOT_TEXT = {
    b"\x1f\x8b": ("it is compressed by gzip", "decompress it, with gunzip"),
    b"BZh": ("it is compressed by bzip2", "decompress it, with bunzip2"),
    b"\xfd7zXZ": ("it is compressed by xz", "decompress it, with unxz"),
    b"(\xb5/\xfd": ("it is compressed by zstd", "decompress it, with unzstd"),
    b"PK\x03\x04": ("it is a zip archive, as .zip, .xlsx and .npz files are", "save the table in it as a CSV file"),
    b"\xff\xfe": ("it is text in UTF-16", "convert it to UTF-8, with iconv -f utf-16 -t utf-8"),
    b"\xfe\xff": ("it is text in UTF-16", "convert it to UTF-8, with iconv -f utf-16 -t utf-8"),
}
"""What files begin with that are often taken for text in UTF-8: what they are, and what helps."""
LONGEST_LINE = 2**16  # bytes of the first row in which separators are counted
BUFFER = 2**20  # bytes that are read at a time, of a text file or a column of a Parquet file
BYTES_PER_CELL = 16  # of a column while it is read and changed to float64
TEXT_COPIES = 4  # memory that reading a text file needs, as a multiple of its size


class OtherSeparatorError(UserError):
    """The cells of a text file are separated by another character.

    Args:
        why: what was seen.
        use: the word that chooses the separator.
    """

    def __init__(self, why: str, use: str) -> None:
        super().__init__(f"{why}: use {use}.")
        self.why = why


@contextmanager
def opened_table(path: Path, separator: str | None, memory: str) -> "Iterator[pandas.DataFrame | ParquetTable]":
    """The table of a file, read as a whole or column by column.

    Args:
        path: the file.
        separator: of the cells of a text file.
        memory: the key ``data.memory``: read; map, for a Parquet file, whose columns are then read one at a time; or
            auto, which does so if reading the file would take more than half of the free memory.

    Raises:
        UserError: as ``read_table``, or ``map`` is chosen for a text file.
    """
    need_pandas()
    with data_file(path, remedy=REMEDY) as file:
        if _is_parquet(file):
            opened = _parquet_file(file, path)
            # Half of the bytes of a cell is a value of eight bytes, the rest copies and what is stored of it.
            if is_mapped(memory, len(opened) * len(opened.columns), BYTES_PER_CELL - 4):
                yield opened
                return
        elif memory == "map":
            raise UserError(f"data.memory=map needs a Parquet file, but {path} is a text file: {AS_PARQUET}.")
    yield read_table(path, separator)


def read_table(path: Path, separator: str | None = None) -> "pandas.DataFrame":
    """The table of a file: Parquet if its first bytes say so, otherwise text in UTF-8, whose first row names columns.

    Args:
        path: the file.
        separator: of the cells of a text file; by default a tab in a .tsv or .tab file, and otherwise a comma.

    Raises:
        UserError: the file cannot be opened or read, two columns have one name, or its values do not fit into memory.
    """
    need_pandas()
    with data_file(path, remedy=REMEDY) as file:
        if _is_parquet(file):
            return _parquet(file, path)
        if not file.size:
            raise DamagedFileError("it is empty")
        if (needed := TEXT_COPIES * file.size) > (free := free_memory()):
            raise UserError(
                f"{path} is read as a whole, because it is a text file, but its values need about {amount(needed)} of "
                f"memory, and {amount(free)} are free: {AS_PARQUET}."
            )
        _refuse_not_text(file.stream)
        separator = "\t" if separator == TAB else separator
        table = _text(file.stream, separator or ("\t" if path.suffix.lower() in (".tsv", ".tab") else ","))
        _refuse_nul(file.stream)  # last, because what is no text at all has such characters, too
        return table


def need_pandas() -> None:
    """Refuses an installation without pandas.

    Raises:
        UserError: how to install it.
    """
    try:
        import pandas  # noqa: F401
    except ImportError:
        raise MissingPackageError("data=table", "pandas", extra="table") from None


def _refuse_not_text(stream: IO[bytes]) -> None:
    start = stream.read(max(map(len, NOT_TEXT)))
    stream.seek(0)
    for mark, (what, remedy) in NOT_TEXT.items():
        if start.startswith(mark):
            raise DamagedFileError(what, remedy)


def _refuse_nul(stream: IO[bytes]) -> None:
    """Refuses the character NUL, at which pandas ends a cell: what comes before it would be taken for the cell."""
    line = 1
    stream.seek(0)
    while part := stream.read(BUFFER):
        place = part.find(b"\0")
        line += part.count(b"\n", 0, None if place < 0 else place)
        if place >= 0:
            raise DamagedFileError(
                f"line {line:,} holds the character NUL",
                "write an empty cell where a value is missing, or remove the character, with tr -d '\\0'",
            )


def _text(stream: IO[bytes], separator: str) -> "pandas.DataFrame":
    import pandas

    options = {"sep": separator, "keep_default_na": False, "skipinitialspace": True, "encoding": "utf-8-sig"}
    try:
        first = stream.readline(LONGEST_LINE).decode("utf-8-sig", errors="replace")
        stream.seek(0)
        names = pandas.read_csv(stream, header=None, nrows=1, dtype=str, **options).iloc[0].tolist()
        stream.seek(0)
        _check_names([str(name) for name in names])
        with warnings.catch_warnings():
            # pandas would drop the surplus cells of a row that is too long.
            warnings.simplefilter("error", pandas.errors.ParserWarning)
            # From pandas 3.1 on this precision is the default, and a word about it is told to be left out.
            warnings.filterwarnings("ignore", "The 'float_precision' argument is deprecated")
            table = pandas.read_csv(
                stream,
                header=0,
                names=names,
                index_col=False,
                na_values=list(MISSING),
                low_memory=False,
                float_precision="round_trip",
                **options,
            )
    except UnicodeDecodeError as error:
        raise DamagedFileError(
            f"it is not text in UTF-8 (byte {error.start}), nor a Parquet file",
            "save it as a CSV file in UTF-8, or, if it is text in Latin-1, convert it with iconv -f latin1 -t utf-8",
        ) from None
    except pandas.errors.EmptyDataError:
        raise DamagedFileError("it holds no row") from None
    except (pandas.errors.ParserError, pandas.errors.ParserWarning) as error:
        if other := _other_separator(first, separator):
            raise OtherSeparatorError(
                f"the cells of the table do not seem to be separated by {separator!r}, because its first row is "
                f"{first.strip()[:60]!r} and its rows are not equally long",
                other,
            ) from None
        said = " ".join(str(error).split()).removeprefix("Error tokenizing data. C error: ")
        said = _unequal(stream, separator, len(names)) or said
        raise DamagedFileError(f"its rows are not equally long ({said})") from None
    # pandas fills a row that is too short with empty cells, so that the last column has one.
    if table.iloc[:, -1].isna().any() and (said := _unequal(stream, separator, len(names))):
        raise DamagedFileError(
            f"its rows are not equally long ({said})",
            "check that the file is complete, and write an empty cell where a value is missing",
        )
    if len(names) == 1 and (other := _other_separator(names[0], separator)):
        raise OtherSeparatorError(
            f"the only column of the table is {names[0]!r}, so its cells do not seem to be separated by {separator!r}",
            other,
        )
    return table


def _unequal(stream: IO[bytes], separator: str, count: int) -> str:
    """The first row that does not have ``count`` cells, in words; empty if there is none."""
    stream.seek(0)
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
    try:
        rows = csv.reader(text, delimiter=separator, skipinitialspace=True)
        filled = (row for row in rows if len(row) > 1 or (row and row[0].strip()))  # pandas skips empty lines, too
        for number, row in enumerate(filled, -1):
            if len(row) != count:
                cells, names = counted(len(row), "cell"), counted(count, "name")
                return f"row {number} (from 0) has {cells}, and the first row has {names}"
    except csv.Error:  # a cell is too long for csv
        return ""
    finally:
        text.detach()
    return ""


def _other_separator(first: str, separator: str) -> str:
    """The word for the separator that is more frequent in the first row than the present one; empty if none is."""
    mark = max(";\t|,", key=first.count)
    if mark == separator or first.count(mark) <= first.count(separator):
        return ""
    return "data.separator=tab" if mark == "\t" else f"\"data.separator='{mark}'\""


def _is_parquet(file: DataFile) -> bool:
    start = file.stream.read(len(PARQUET))
    file.stream.seek(0)
    return start == PARQUET


def _parquet_file(file: DataFile, path: Path) -> ParquetTable:
    try:
        import pyarrow
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise MissingPackageError("a Parquet file", "pyarrow", extra="table") from None
    try:
        opened = ParquetTable(ParquetFile(file.stream, pre_buffer=False, buffer_size=BUFFER), path)
    except pyarrow.ArrowException as error:
        raise DamagedFileError(f"it is damaged or cut off ({' '.join(str(error).split())[:200]})") from None
    _check_names(opened.columns)
    return opened


def _parquet(file: DataFile, path: Path) -> "pandas.DataFrame":
    import pyarrow

    table = _parquet_file(file, path)
    needed, free = len(table) * len(table.columns) * BYTES_PER_CELL, free_memory()
    if needed > free:
        raise TooLargeError(f"its values need about {amount(needed)} of memory, and {amount(free)} are free")
    try:
        return table.whole()
    except pyarrow.ArrowException as error:
        raise DamagedFileError(f"it is damaged or cut off ({' '.join(str(error).split())[:200]})") from None


def _check_names(names: list[str]) -> None:
    """Refuses names that do not name exactly one column each, and a first row of numbers."""
    if empty := [place for place, name in enumerate(names) if not name.strip()]:
        raise DamagedFileError(
            f"column {empty[0]} (from 0) has no name in the first row",
            "give it one; pandas writes no column of row numbers with to_csv(path, index=False)",
        )
    if repeated := [name for name, count in Counter(names).items() if count > 1]:
        raise DamagedFileError(f"{repeated[0]!r} names more than one of its columns")
    # Columns can be named 0, 1, 2, …
    if all(is_number(name) for name in names) and not all(name.isdigit() for name in names):
        raise DamagedFileError(f"its first row holds the numbers {', '.join(names[:3])}, not the names of the columns")

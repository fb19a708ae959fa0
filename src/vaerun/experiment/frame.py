"""DataFrame ↦ a Parquet file in the run directory, which ``data=table`` reads: the run can be resumed and opened."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaerun.data.data_file import data_file
from vaerun.data.table_file import REMEDY, need_pandas
from vaerun.data.unusable import word
from vaerun.errors import UserError, one_line
from vaerun.system.whole_file import replacing

if TYPE_CHECKING:
    import pandas
    import pyarrow

FILE = "data.parquet"


def kept(frame: "pandas.DataFrame", directory: Path) -> Path:
    """Writes the columns of a DataFrame to ``data.parquet`` in a run directory, without its index; returns the path.

    A file that is there already, of a run that is resumed, must hold the same table.

    Args:
        frame: one row for each point.
        directory: of the run; it is created if it does not exist.

    Raises:
        UserError: it is no DataFrame, a column cannot be written, or the directory holds a run with other data.
    """
    table, path = _arrow(frame), directory / FILE
    if path.exists():
        if not _read(path).equals(table):
            raise UserError(f"{directory} holds a run with other data: choose another directory.")
        return path
    if (directory / "config.yaml").exists():
        raise UserError(f"{directory} holds a run with other data: choose another directory.")
    from pyarrow.parquet import write_table

    try:
        directory.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            write_table(table, file)
    except OSError as error:
        raise UserError(f"{path} cannot be written ({error.strerror or error}): choose another directory.") from error
    return path


def refuse_word(words: tuple[str, ...]) -> None:
    """Refuses words that name other data besides a DataFrame.

    Raises:
        UserError: which.
    """
    for one in words:
        if str(one).lstrip("+").partition("=")[0] in ("data", "data.path", "data.separator"):
            raise UserError(f"data=DataFrame and the word {one!r} both say where the data are: leave one out.")


def _arrow(frame: Any) -> "pyarrow.Table":
    need_pandas()
    import pandas
    import pyarrow

    if not isinstance(frame, pandas.DataFrame):
        raise UserError(
            f"data must be a pandas.DataFrame, got {type(frame).__name__}: save an array with numpy.save(FILE, x), and "
            "give the words data=arrays and data.path=FILE."
        )
    frame = frame.set_axis([str(column) for column in frame.columns], axis=1)
    if repeated := frame.columns[frame.columns.duplicated()].tolist():
        raise UserError(f"every column of data must have its own name, but {repeated[0]!r} names several: rename one.")
    columns = {}
    for name in frame.columns:
        try:
            columns[name] = _texts_of_one_type(pyarrow.Array.from_pandas(frame[name]))
        except (pyarrow.ArrowException, TypeError, ValueError) as error:
            raise UserError(
                f"the column {name!r} of data must hold numbers or texts ({one_line(str(error))[:120]}): convert it, "
                f"or leave it out, {word('drop', name)}."
            ) from error
    return pyarrow.table(columns)


def _texts_of_one_type(column: Any) -> Any:
    """pandas 2 gives texts as string, and pandas 3 as large_string: a run goes on with either."""
    import pyarrow

    if pyarrow.types.is_large_string(column.type):
        return column.cast(pyarrow.string())
    if pyarrow.types.is_dictionary(column.type) and pyarrow.types.is_large_string(column.type.value_type):
        classes = column.dictionary.cast(pyarrow.string())
        return pyarrow.DictionaryArray.from_arrays(column.indices, classes, ordered=column.type.ordered)
    return column


def _read(path: Path) -> "pyarrow.Table":
    from pyarrow.parquet import ParquetFile

    with data_file(path, remedy=REMEDY) as file:
        return ParquetFile(file.stream).read()

"""(parts of a table) ↦ a file: the interface of the writers, and the one for each suffix of a file name."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import IO, Any, ClassVar

import numpy as np

from vaerun.encoding.encode import Part
from vaerun.errors import UserError, close_match


class Table(ABC):
    """Writes the parts of a table into a file that is open for writing."""

    suffix: ClassVar[str]
    packages: ClassVar[tuple[str, ...]] = ()  # modules that writing needs
    extra: ClassVar[str] = ""  # what installs them

    def modules(self) -> list[Any]:
        """The modules of ``packages``; called before anything is computed.

        Raises:
            UserError: one of them is not installed.
        """
        try:
            return [import_module(name) for name in self.packages]
        except ImportError:
            raise UserError(
                f"a {self.suffix} file needs {self.packages[0]}, which is not installed: run pip install "
                f"'vaerun[{self.extra}]', or write a .csv or .npz file."
            ) from None

    @abstractmethod
    def write(self, file: IO[bytes], parts: Iterable[Part], *, rows: int, folder: Path) -> None:
        """Writes the whole table.

        Args:
            file: empty, open for writing.
            parts: of the table, in order.
            rows: of all parts together.
            folder: for temporary files.
        """


def flat(part: Part) -> dict[str, np.ndarray]:
    """One column of numbers or texts for each number of a row: mean [B, 2] ↦ mean_0, mean_1, each [B].

    samples [B, S, D] ↦ sample_0_0, …: sample s, latent d.
    """
    found: dict[str, np.ndarray] = {}
    for name, values in part.items():
        if values.ndim == 1:
            found[name] = values
            continue
        base = "sample" if name == "samples" else name
        for place in np.ndindex(*values.shape[1:]):
            found["_".join(map(str, (base, *place)))] = values[(slice(None), *place)]
    return found


def table_for(path: Path) -> Table:
    """The writer for the suffix of a file name.

    Raises:
        UserError: there is none.
    """
    from vaerun.encoding.csv_table import CsvTable
    from vaerun.encoding.h5ad_table import H5adTable
    from vaerun.encoding.npz_table import NpzTable
    from vaerun.encoding.parquet_table import ParquetTable

    kinds: dict[str, type[Table]] = {kind.suffix: kind for kind in (NpzTable, CsvTable, ParquetTable, H5adTable)}
    kind = kinds.get(path.suffix.lower())
    if kind is None:
        raise UserError(
            f"the name of the file must end in {', '.join(kinds)}, got {path.name!r}.{close_match(path.suffix, kinds)}"
        )
    return kind()

"""FILE.npz: an array for each column."""

from collections.abc import Iterable
from pathlib import Path
from typing import IO, ClassVar, final

from vaerun.data.npz_stream import write_npz
from vaerun.encoding.encode import Part
from vaerun.encoding.table import Table


@final
class NpzTable(Table):
    """Arrays index [N], split [N], mean [N, D], scale [N, D], … for numpy.load; none needs pickle."""

    suffix: ClassVar[str] = ".npz"

    def write(self, file: IO[bytes], parts: Iterable[Part], *, rows: int, folder: Path) -> None:
        write_npz(file, parts, rows=rows, folder=folder)

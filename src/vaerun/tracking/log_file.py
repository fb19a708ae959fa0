"""log.txt of a run, as a handler of Python's logging."""

import io
import logging
from pathlib import Path
from typing import TextIO, final

from vaerun.errors import printable
from vaerun.files import open_to_append


@final
class LogFile(logging.FileHandler):
    """Appends to a regular file. It is opened with the first message, and a symbolic link in its place is refused.

    Args:
        filename: its path.
    """

    def __init__(self, filename: str) -> None:
        super().__init__(filename, encoding="utf-8", delay=True)

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))

    def _open(self) -> TextIO:  # type: ignore[override]
        return io.TextIOWrapper(open_to_append(Path(self.baseFilename)), encoding="utf-8", write_through=True)

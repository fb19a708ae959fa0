"""The handler of log.txt."""

import io
import logging
import sys
from pathlib import Path
from typing import TextIO, final

from vaerun.errors import UserError
from vaerun.system.output import printable
from vaerun.system.whole_file import open_to_append


@final
class LogFile(logging.FileHandler):
    """Appends log messages to a regular file; if that cannot be written, it says so once and drops the messages.

    The standard handler prints a traceback for each message that it cannot write, and stops the program if it cannot
    open the file. A run must not stop because its log cannot be written. The file is opened with the first message; a
    symbolic link in its place is not followed.

    Args:
        filename: its path.
    """

    failed = False

    def __init__(self, filename: str) -> None:
        super().__init__(filename, encoding="utf-8", delay=True)

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))

    def _open(self) -> TextIO:  # type: ignore[override]
        file = open_to_append(Path(self.baseFilename))
        return io.TextIOWrapper(file, encoding="utf-8", errors="backslashreplace", write_through=True)

    def emit(self, record: logging.LogRecord) -> None:
        if self.failed:
            return
        try:
            super().emit(record)
        except (OSError, UserError):
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name in logging
        self.failed = True
        error = sys.exc_info()[1]
        logging.getLogger("vaerun").warning("log.txt gets no further messages (%s)", error)

    def close(self) -> None:
        try:
            super().close()
        except OSError:
            self.failed = True  # its last bytes were lost, and were reported when they were written

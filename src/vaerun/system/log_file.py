"""The handler of log.txt."""

import logging
import sys
from typing import final


@final
class LogFile(logging.FileHandler):
    """Appends log messages to a file; if that cannot be written, it says so once and drops the messages.

    The standard handler prints a traceback for each message that it cannot write, and stops the program if it cannot
    open the file. A run must not stop because its log cannot be written.
    """

    failed = False

    def emit(self, record: logging.LogRecord) -> None:
        if self.failed:
            return
        try:
            super().emit(record)
        except OSError:
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

"""A line on the terminal that is redrawn in place, and is gone before anything else is printed."""

import logging
import os
import shutil
import time
from collections.abc import Callable
from types import TracebackType
from typing import TextIO

ERASE = "\r\x1b[K"
INTERVAL = 0.2  # seconds between two drawings


class StatusLine:
    """Shows how far something is, at most five times per second, on a terminal; anywhere else it writes nothing.

    While it is open, every handler of the root logger and of the logger vaerun erases it before writing a record, so
    a log on the same terminal stays whole. Use it in a with statement, or close it: nothing is left behind.

    Args:
        stream: the terminal.
        live: False where the line would be one of several, as in a sweep.
    """

    def __init__(self, stream: TextIO, *, live: bool = True) -> None:
        self._stream = stream
        self._live = live and stream.isatty() and os.environ.get("TERM") != "dumb"
        self._shown = False
        self._due = -float("inf")
        self._handlers: list[logging.Handler] = []
        if self._live:
            self._handlers = [*logging.getLogger().handlers, *logging.getLogger("vaerun").handlers]
        for handler in self._handlers:
            handler.addFilter(self._before_record)

    def show(self, text: Callable[[], str]) -> None:
        """Draws ``text()``, cut to the terminal's width; asks for it only when it is time to draw again."""
        if not self._live or (now := time.monotonic()) < self._due:
            return
        self._due = now + INTERVAL
        self._stream.write(ERASE + text()[: _width(self._stream) - 1])
        self._stream.flush()
        self._shown = True

    def erase(self) -> None:
        """Takes the line away, until the next drawing."""
        if self._shown:
            self._stream.write(ERASE)
            self._stream.flush()
            self._shown = False

    def close(self) -> None:
        """Takes the line away for good."""
        self.erase()
        self._live = False
        for handler in self._handlers:
            handler.removeFilter(self._before_record)
        self._handlers = []

    def __enter__(self) -> "StatusLine":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _before_record(self, record: logging.LogRecord) -> bool:
        self.erase()
        return True


def _width(stream: TextIO) -> int:
    """Columns of the terminal that ``stream`` is."""
    try:
        columns = os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        columns = 0
    return columns or shutil.get_terminal_size().columns

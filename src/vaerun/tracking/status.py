"""A status line on the terminal; it is redrawn in place, and erased before other output."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console

INTERVAL = 0.2  # seconds between two redraws


class StatusLine:
    """Shows progress on a terminal, redrawn at most five times per second; writes nothing if there is no terminal.

    While it is open, every handler of the root logger and of the logger vaerun erases it before writing a record, so
    a log on the same terminal stays readable. Use it in a with statement, or call ``close``, which removes the line.

    Args:
        stream: the terminal.
        live: False if the run is one of several, as in a sweep.
    """

    def __init__(self, stream: TextIO, *, live: bool = True) -> None:
        self._console = _console(stream) if live and stream.isatty() else None
        self._shown = False
        self._due = -float("inf")
        self._handlers: list[logging.Handler] = []
        if self._console is not None:
            self._handlers = [*logging.getLogger().handlers, *logging.getLogger("vaerun").handlers]
        for handler in self._handlers:
            handler.addFilter(self._before_record)

    def show(self, text: Callable[[], str]) -> None:
        """Draws ``text()``, cut to the terminal's width; calls it only when it is time to redraw."""
        if self._console is None or (now := time.monotonic()) < self._due:
            return
        self._due = now + INTERVAL
        self.erase()
        if self._console is None:  # it has died
            return
        with self._alive() as console:
            # The last column stays free: a line that fills it would move the cursor to the next line.
            console.print(text(), end="", width=max(1, console.width - 1), no_wrap=True, overflow="ellipsis",
                          markup=False, highlight=False, emoji=False)  # fmt: skip
            self._shown = True

    def erase(self) -> None:
        """Removes the line until the next redraw."""
        if self._shown:
            from rich.control import Control
            from rich.segment import ControlType

            self._shown = False
            with self._alive() as console:
                console.control(Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2)))

    @contextmanager
    def _alive(self) -> Iterator["Console"]:
        """The terminal; once it has died, as after a hang-up, nothing is written any more and the training goes on."""
        assert self._console is not None
        try:
            yield self._console
        except (OSError, ValueError):  # ValueError: the stream was closed
            self._console = None

    def close(self) -> None:
        """Removes the line for good."""
        self.erase()
        self._console = None
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


def _console(stream: TextIO) -> "Console | None":
    """rich's view of the terminal; None for a terminal that cannot erase a line."""
    from rich.console import Console

    console = Console(file=stream)
    return None if console.is_dumb_terminal else console

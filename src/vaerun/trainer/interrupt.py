"""Ctrl-C and SIGTERM become a wish that the loop fulfils at the end of a step."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from vaerun.errors import Interrupted


class Interruption:
    """Whether somebody asked the run to stop."""

    def __init__(self) -> None:
        self.requested = False
        self.heeded = False

    @contextmanager
    def heed(self) -> Iterator[None]:
        """Promises that ``requested`` is looked at soon: inside, a first signal only sets it."""
        self.heeded = True
        try:
            yield
        finally:
            self.heeded = False


@contextmanager
def interruption() -> Iterator[Interruption]:
    """Takes SIGINT and SIGTERM over: a wish to the loop that heeds it, Interrupted at once anywhere else.

    A second signal does not wait for the loop either; the run then goes on from its last checkpoint.
    """
    wish = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield wish  # signals reach the main thread only: here nobody can ask
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask(number: int, frame: FrameType | None) -> None:
        if not wish.heeded or wish.requested:
            raise Interrupted("interrupted")
        wish.requested = True

    for number in before:
        signal.signal(number, ask)
    try:
        yield wish
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

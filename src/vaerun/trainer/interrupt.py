"""Ctrl-C and SIGTERM become a wish that the loop fulfils at the end of a step."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interruption:
    """Whether somebody asked the run to stop."""

    requested = False


@contextmanager
def interruption() -> Iterator[Interruption]:
    """Takes SIGINT and SIGTERM over; the second one acts as it would have without us."""
    wish = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield wish  # signals reach the main thread only: here nobody can ask
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask(number: int, frame: FrameType | None) -> None:
        wish.requested = True
        signal.signal(number, before[signal.Signals(number)])

    for number in before:
        signal.signal(number, ask)
    try:
        yield wish
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

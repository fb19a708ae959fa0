"""The signals that ask a program to stop."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

ALWAYS = (signal.SIGINT, signal.SIGTERM)
ASKING = (*ALWAYS, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)  # SIGHUP: a closed terminal; the last two: Slurm


@contextmanager
def handled(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """Inside the block, the handler gets these signals; under nohup, SIGHUP is ignored and stays so.

    In another thread than the main one, which alone gets signals, nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in ASKING}
    taken = [number for number, held in before.items() if number in ALWAYS or held is not signal.SIG_IGN]
    for number in taken:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, before[number])

"""Stop requests: a signal handler tells the training, which stops after the step at hand."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import final

from vaerun.errors import Interrupted
from vaerun.trainer.training import Training
from vaerun.trainer.watcher import Watcher

ALWAYS = (signal.SIGINT, signal.SIGTERM)
ASKING = (*ALWAYS, signal.SIGHUP, signal.SIGUSR1)  # also a closed terminal, and Slurm before it takes the machine back


@final
class StopRequest(Watcher):
    """Passes a signal on to the training that runs, as a request to stop after the step at hand."""

    def __init__(self) -> None:
        self.training: Training | None = None

    def on_start(self, training: Training) -> None:
        self.training = training

    def on_end(self, training: Training) -> None:
        self.training = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """The signal handler.

        Raises:
            Interrupted: no training runs, or this is the second signal.
        """
        if self.training is None or self.training.stop_reason is not None:
            raise Interrupted("interrupted")
        self.training.request_stop("interrupted")


@contextmanager
def defer_signals() -> Iterator[StopRequest]:
    """Takes the signals that ask a program to end over: a training stops after the step at hand, anything else at once.

    A second signal does not wait for the loop either; the run then continues from its last checkpoint.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request  # signals reach the main thread only
        return
    before = {number: signal.getsignal(number) for number in ASKING}
    # nohup has a closed terminal ignored.
    taken = [number for number, handler in before.items() if number in ALWAYS or handler is not signal.SIG_IGN]

    for number in taken:
        signal.signal(number, request)
    try:
        yield request
    finally:
        for number in taken:
            signal.signal(number, before[number])

"""Stop requests: a signal handler sets a flag, and the training stops after the current step."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import final

from vaerun.errors import Interrupted
from vaerun.system.signals import handled
from vaerun.trainer.training import Training
from vaerun.trainer.watcher import Watcher


@final
class StopRequest(Watcher):
    """Turns a signal into a request that the training stops after the current step."""

    def __init__(self) -> None:
        self.training: Training | None = None

    def on_start(self, training: Training) -> None:
        self.training = training

    def on_end(self, training: Training) -> None:
        self.training = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """The signal handler.

        Raises:
            Interrupted: no training is running, or this is the second signal.
        """
        if self.training is None or self.training.stop_reason is not None:
            raise Interrupted("interrupted")
        self.training.request_stop("interrupted")


@contextmanager
def defer_signals() -> Iterator[StopRequest]:
    """Handles the signals that ask a program to stop: a training stops after the current step, other code at once.

    A second signal stops a training at once, too; the run can then be resumed from its last checkpoint.
    """
    request = StopRequest()
    with handled(request):
        yield request

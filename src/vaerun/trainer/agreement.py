"""What the processes of a run agree on after every step: counts, the clock, and requests to stop."""

import time
from typing import TYPE_CHECKING

from vaerun.execution import parallel

if TYPE_CHECKING:
    from vaerun.trainer.training import Training

MICROSECONDS = 1_000_000


class Agreement:
    """Counts, clock and requests that are the same on all processes, by one exchange for each step.

    Every process must save, stop and end at the same step, because the others would wait for it for ever. The clock is
    that of process 0. With one process there is no exchange, and the values are those of the present moment.

    Args:
        training: its strategy holds the sums over all processes so far.
    """

    def __init__(self, training: "Training") -> None:
        self.training = training
        strategy = training.strategy
        self.counted = [strategy.decoder_evaluations, strategy.encoder_evaluations]
        self.now, self.seconds = parallel.of_first((time.monotonic(), training.progress.train_seconds))
        self.stop = False

    def update(self) -> None:
        """Exchanges what is new since the last call."""
        if parallel.size() == 1:
            return
        training, strategy = self.training, self.training.strategy
        first = parallel.rank() == 0
        clocks = (time.monotonic(), self.training.own_seconds()) if first else (0.0, 0.0)
        decoded, encoded, stops, finishes, now, seconds = parallel.totals(
            [
                strategy.decoder_evaluations - self.counted[0],
                strategy.encoder_evaluations - self.counted[1],
                training.stop_reason is not None,
                training.finish_reason is not None,
                *(int(clock * MICROSECONDS) for clock in clocks),
            ]
        )
        self.counted = [self.counted[0] + decoded, self.counted[1] + encoded]
        strategy.decoder_evaluations, strategy.encoder_evaluations = self.counted
        self.now, self.seconds, self.stop = now / MICROSECONDS, seconds / MICROSECONDS, stops > 0
        if finishes and training.finish_reason is None:
            training.finish("another process has asked for it")

    def stops(self) -> bool:
        """Whether the training stops after this step, because a stop was requested."""
        if parallel.size() == 1:
            return self.training.stop_reason is not None
        if self.stop and self.training.stop_reason is None:
            self.training.request_stop("interrupted")
        return self.stop

    def clock(self) -> float:
        """A clock in seconds that shows the same on all processes."""
        return time.monotonic() if parallel.size() == 1 else self.now

    def training_seconds(self) -> float:
        """Seconds spent on training steps until now, by process 0."""
        return self.training.own_seconds() if parallel.size() == 1 else self.seconds

"""Time shared out."""

import time


class TimeBudget:
    """Seconds to be spent on a number of things: what one leaves over is the others'."""

    def __init__(self, seconds: float, things: int) -> None:
        self.end, self.things = time.monotonic() + seconds, things

    def share(self, most: float = 2.0) -> float:
        """What the next thing may take: three times an equal part, for most take little."""
        left = max(self.end - time.monotonic(), 0.0)
        share = 3 * left / max(self.things, 1)  # there may turn out to be more things than were told
        self.things -= 1
        return min(most, share)

"""The console: one log line per epoch, and a status line in between."""

import logging
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TextIO

from vaerun.metric.metric import error_of
from vaerun.tracking.base import Tracker
from vaerun.tracking.status import StatusLine

logger = logging.getLogger("vaerun")


class Console(Tracker):
    """Logs ``epoch  12/100  step 144  elbo/train -23.41  elbo/valid -24.10 ± 0.12  31,200 samples/s``.

    The line comes with the record at the end of each epoch. The number behind ± is the record's ``elbo_se/valid``, the
    standard error of ``elbo/valid``; samples are data points per second of training steps since the line before.

    Args:
        epochs: epochs of the whole run.
        steps_per_epoch: steps of one epoch.
        batch_size: data points of one step.
        headline: the tags to show, if a record has them.
        live: whether to show a status line if ``stream`` is a terminal; False for one of several runs.
        stream: for the status line; standard error by default.
    """

    def __init__(
        self,
        *,
        epochs: int,
        steps_per_epoch: int,
        batch_size: int,
        headline: Sequence[str] = ("elbo/train", "elbo/valid"),
        live: bool = True,
        stream: TextIO | None = None,
    ) -> None:
        self.status = StatusLine(sys.stderr if stream is None else stream, live=live)
        self._epochs, self._steps_per_epoch, self._batch_size = epochs, steps_per_epoch, batch_size
        self._headline = tuple(headline)
        self._last_epoch = -1
        self._last_step, self._last_seconds = 0, 0.0
        self._first: tuple[int, float] | None = None
        self._latest = ""

    def step(self, step: int) -> None:
        """Called after every step; redraws the status line if enough time has passed."""
        if self._first is None:
            self._first = (step, time.monotonic())
        self.status.show(lambda: self._progress(step))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        self._latest = "".join(f"  {_metric(tag, values)}" for tag in self._headline if tag in values)
        epoch = int(values["epoch"])
        if epoch <= self._last_epoch or epoch != values["epoch"]:
            return
        self._last_epoch = epoch
        width = len(str(self._epochs))
        rate = self._rate(step, values.get("train_seconds", 0.0))
        logger.info("epoch %*d/%d  step %d%s%s", width, epoch, self._epochs, step, self._latest, rate)

    def close(self, status: str) -> None:
        self.status.close()

    def _rate(self, step: int, seconds: float) -> str:
        """Data points per second of training since the last call; empty if no step was made."""
        steps, spent = step - self._last_step, seconds - self._last_seconds
        self._last_step, self._last_seconds = step, seconds
        return f"  {steps * self._batch_size / spent:,.0f} samples/s" if steps > 0 and spent > 0 else ""

    def _progress(self, step: int) -> str:
        """``epoch 12/100  step 140/1200  36 steps/s  0:29 left`` and the latest metrics."""
        total = self._epochs * self._steps_per_epoch
        epoch = min(self._epochs, 1 + step // self._steps_per_epoch)
        text = f"epoch {epoch}/{self._epochs}  step {step}/{total}"
        first_step, began = self._first or (step, 0.0)
        if step > first_step:
            pace = (step - first_step) / max(time.monotonic() - began, 1e-9)
            minutes, seconds = divmod(round((total - step) / pace), 60)
            text += f"  {pace:.3g} steps/s  {minutes}:{seconds:02d} left"
        return text + self._latest


def _metric(tag: str, values: Mapping[str, float]) -> str:
    error = values.get(error_of(tag))
    return f"{tag} {values[tag]:.2f}" + ("" if error is None else f" ± {error:.2f}")

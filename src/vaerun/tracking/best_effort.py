"""A tracker that a training can do without."""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import final

import numpy as np

from vaerun.errors import RAISED, UserError
from vaerun.image.embedding import Embedding
from vaerun.metric.metric import Metric
from vaerun.system.files import UnsafeFileError
from vaerun.system.memory import is_memory
from vaerun.tracking.base import Tracker

logger = logging.getLogger("vaerun")


@final
class BestEffort(Tracker):
    """Passes everything on to a tracker until that fails; then warns once, and goes on without it.

    Training must not stop because a curve cannot be shown: metrics.jsonl and the checkpoints hold all that matters.

    Args:
        name: of the tracker, for the warning.
        make: makes the tracker; it may fail, too.

    Raises:
        UserError: ``make`` raises it: what the user asked for cannot work, such as a package that is not installed.
    """

    def __init__(self, name: str, make: Callable[[], Tracker]) -> None:
        self.name = name
        self.tracker: Tracker | None = None
        refused: list[UserError] = []

        def begin() -> None:
            try:
                self.tracker = make()
            except UnsafeFileError:
                raise
            except UserError as error:
                refused.append(error)

        self._try(begin)
        if refused:
            raise refused[0]

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        self._pass(lambda tracker: tracker.scalars(step, values))

    def declare(self, metrics: Mapping[str, Metric]) -> None:
        self._pass(lambda tracker: tracker.declare(metrics))

    def images(self, step: int, name: str, grid: np.ndarray) -> None:
        self._pass(lambda tracker: tracker.images(step, name, grid))

    def text(self, name: str, markdown: str, *, step: int = 0) -> None:
        self._pass(lambda tracker: tracker.text(name, markdown, step=step))

    def embedding(self, embedding: Embedding) -> None:
        self._pass(lambda tracker: tracker.embedding(embedding))

    def hparams(self, values: Mapping[str, float | str | bool]) -> None:
        self._pass(lambda tracker: tracker.hparams(values))

    def close(self, status: str) -> None:
        self._pass(lambda tracker: tracker.close(status))

    def _pass(self, event: Callable[[Tracker], None]) -> None:
        tracker = self.tracker
        if tracker is not None:
            self._try(lambda: event(tracker))

    def _try(self, action: Callable[[], None]) -> None:
        try:
            action()
        except RAISED as error:
            if is_memory(error):
                raise
            broken, self.tracker = self.tracker, None
            if broken is not None:
                with suppress(Exception):
                    broken.close("failed")
            why = str(error) if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
            logger.warning("%s gets no further records, because of an error: %s; training goes on", self.name, why)

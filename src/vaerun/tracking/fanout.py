"""A tracker that passes everything on to several trackers."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack

import numpy as np

from vaerun.image.embedding import Embedding
from vaerun.metric.metric import Metric
from vaerun.tracking.base import Tracker


class Fanout(Tracker):
    """Passes everything on to each of ``trackers``, in their order."""

    def __init__(self, trackers: Sequence[Tracker]) -> None:
        self.trackers = tuple(trackers)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        for tracker in self.trackers:
            tracker.scalars(step, values)

    def declare(self, metrics: Mapping[str, Metric]) -> None:
        for tracker in self.trackers:
            tracker.declare(metrics)

    def images(self, step: int, name: str, grid: np.ndarray) -> None:
        for tracker in self.trackers:
            tracker.images(step, name, grid)

    def text(self, name: str, markdown: str, *, step: int = 0) -> None:
        for tracker in self.trackers:
            tracker.text(name, markdown, step=step)

    def embedding(self, embedding: Embedding) -> None:
        for tracker in self.trackers:
            tracker.embedding(embedding)

    def hparams(self, values: Mapping[str, float | str | bool]) -> None:
        for tracker in self.trackers:
            tracker.hparams(values)

    def close(self, status: str) -> None:
        """Closes all trackers, even if one of them raises an error; the error is raised at the end."""
        with ExitStack() as stack:
            for tracker in reversed(self.trackers):
                stack.callback(tracker.close, status)

"""A tracker receives records, images and texts of a run, and stores or shows them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np

from vaerun.image.embedding import Embedding
from vaerun.metric.metric import Metric

# Keys of a record that are no metric: they say how far the run was, and what it had cost by then.
POSITION = ("step", "epoch", "seconds", "train_seconds", "decoder_evaluations", "encoder_evaluations")


class Tracker(ABC):
    """Receives the records of a run. A tracker never changes a run: it draws no random number and keeps no tensor."""

    @abstractmethod
    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """One record: the keys of ``POSITION`` and the metrics by tag ``quantity/split``, in nats per datum."""

    @abstractmethod
    def declare(self, metrics: Mapping[str, Metric]) -> None:
        """What the metrics of the next record are, by quantity."""

    @abstractmethod
    def images(self, step: int, name: str, grid: np.ndarray) -> None:
        """One picture, uint8 [H, W] or [H, W, 3]."""

    @abstractmethod
    def text(self, name: str, markdown: str, *, step: int = 0) -> None:
        """One page of words, such as the resolved configuration, and when it was true."""

    @abstractmethod
    def embedding(self, embedding: Embedding) -> None:
        """Where the model has put data points, at the end; a second one replaces the first."""

    @abstractmethod
    def hparams(self, values: Mapping[str, float | str | bool]) -> None:
        """The choices that make this run different from its neighbours, once and before the first record."""

    @abstractmethod
    def close(self, status: str) -> None:
        """The run is over with this ``status``: completed, failed, diverged or interrupted."""

"""A tracker receives records, images and texts of a run, and stores or shows them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from vaerun.image.embedding import Embedding
from vaerun.metric.metric import Metric

# Keys of a record that are not metrics: step, epoch, and the cost so far.
POSITION = (
    "step",
    "epoch",
    "seconds",
    "train_seconds",
    "compile_seconds",
    "decoder_evaluations",
    "encoder_evaluations",
)


class Tracker(ABC):
    """Receives the records of a run. A tracker never changes a run: it uses no random numbers and keeps no tensors.

    Derive from it and define ``scalars``, and the other methods that you need; by default these do nothing. The
    constructor takes the keys of its YAML file, and, if it has parameters of these names, ``directory``, the run
    directory, and ``purge_after``, the step of the checkpoint that the run continues from (-1: from the start). The
    records after that step come again. A constructor that raises a ``UserError`` ends the run before its first step;
    after any other error the run goes on without the tracker, with one warning.

    Attributes:
        outside: whether records can leave the run directory. Such a tracker starts only if the command line names it,
            and the file of a stranger cannot start it.
    """

    outside: ClassVar[bool] = True

    @abstractmethod
    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """One record: the keys of ``POSITION`` and the metrics by tag ``quantity/split``, in nats per datum."""

    def declare(self, metrics: Mapping[str, Metric]) -> None:
        """Declares the metrics of the next records, by quantity."""

    def images(self, step: int, name: str, grid: np.ndarray) -> None:
        """One image, uint8 [H, W] or [H, W, 3]."""

    def text(self, name: str, markdown: str, *, step: int = 0) -> None:
        """One text in Markdown, such as the resolved configuration, and the step that it belongs to."""

    def embedding(self, embedding: Embedding) -> None:
        """Latent means of data points at the end of a run; a second call replaces the first."""

    def hparams(self, values: Mapping[str, float | str | bool]) -> None:
        """The hyperparameters of the run; called once, before the first record."""

    def close(self, status: str) -> None:
        """The run has ended with this ``status``: completed, failed, diverged or interrupted."""

"""The interface for objects that watch a training."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vaerun.trainer.training import Record, Training


class Watcher:
    """Its methods are called during a training. Derive from it and define those you need; the others do nothing.

    A watcher reads the ``training`` that it is given: ``training.progress.step``, ``training.strategy``,
    ``training.data``. It must leave weights and random numbers as they are. ``training.finish(reason)`` ends the
    training early, and the run is tested; ``training.request_stop(reason)`` interrupts it, and it can be resumed.

    The order of calls: first ``on_start``; at every step ``on_record``, ``on_validation`` and ``on_epoch_end`` if they
    are due, then ``on_step``; ``on_stop`` if a stop was requested; finally ``on_end``, also after an error.
    """

    def on_start(self, training: "Training") -> None:
        """Before the first step. ``training.resumed`` is true if the run continues from a checkpoint."""

    def on_step(self, training: "Training") -> None:
        """After every step, its records and validations. It may be called thousands of times per second."""

    def on_record(self, training: "Training", record: "Record") -> None:
        """After a record: means over the steps since the last record, and results of evaluations."""

    def on_validation(self, training: "Training", *, improved: bool) -> None:
        """After a validation. ``improved`` is true if its bound is the best so far."""

    def on_epoch_end(self, training: "Training", *, last: bool) -> None:
        """After an epoch, its records and validations. ``last`` is true if the training has ended."""

    def on_stop(self, training: "Training") -> None:
        """The training stops because of a stop request, after a complete step."""

    def on_end(self, training: "Training") -> None:
        """The training has ended, for any reason, also by an error: close files and release resources."""

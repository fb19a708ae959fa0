"""What watches a training, without changing it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vaerun.trainer.training import Record, Training


class Watcher:
    """Is told what happens in a training. Derive from it and define the methods you need; the others do nothing.

    A watcher reads the ``training`` that it is given: ``training.progress.step``, ``training.strategy``,
    ``training.data``. It must leave weights and random numbers as they are. ``training.finish(reason)`` ends the
    training early, and the run is tested; ``training.request_stop(reason)`` interrupts it, and it can be resumed.

    The order of calls: ``on_start``; for every step, where it is due, ``on_record``, ``on_validation`` and
    ``on_epoch_end``, and then ``on_step``; ``on_stop`` if somebody asked to stop; ``on_end``, always.
    """

    def on_start(self, training: "Training") -> None:
        """The first step comes next; ``training.resumed`` says whether earlier steps were made by another process."""

    def on_step(self, training: "Training") -> None:
        """A step was made, and everything that was due after it. It may come thousands of times a second."""

    def on_record(self, training: "Training", record: "Record") -> None:
        """A record was made: mean values of the steps since the last one, and results of evaluations."""

    def on_validation(self, training: "Training", *, improved: bool) -> None:
        """The validation points were evaluated; ``improved`` says whether their bound is the best so far."""

    def on_epoch_end(self, training: "Training", *, last: bool) -> None:
        """An epoch has ended, all its records and validations included; ``last`` says whether training has, too."""

    def on_stop(self, training: "Training") -> None:
        """The training stops here because it was asked to; its state is that after a whole step."""

    def on_end(self, training: "Training") -> None:
        """No further step comes, for whatever reason: release what is held."""

"""The watcher that writes the checkpoints of a training."""

import time
from pathlib import Path
from typing import Any, final

from vaerun.execution import parallel
from vaerun.trainer.checkpoint import capture, write
from vaerun.trainer.checkpoint_file import copied
from vaerun.trainer.checkpoints import Checkpoints
from vaerun.trainer.training import Training
from vaerun.trainer.watcher import Watcher

SMALL = 2**23  # bytes; a smaller state is copied in memory faster than it is written to disk
SHARE = 10  # times the seconds of a long write lie between the beginnings of two, so that training has nine tenths
PAUSE = 1.0  # minimum seconds between two files, so that writing does not slow training down


@final
class CheckpointWriter(Watcher):
    """Writes ``last.pt`` and ``best.pt`` of a training and, on request, ``epoch_N.pt`` after every so many epochs.

    A small model may improve every few milliseconds, but writing a file takes tens of milliseconds. A small best state
    that comes less than a second after the last file is therefore kept in memory, and written before the next
    ``last.pt`` or at the end of the training. If the process is killed before that, the run continues from ``last.pt``
    and computes the same best state again. A state with a large Φ takes longer than a second to write: the next
    ``last.pt`` within an epoch then begins when ten times as long has passed.

    Args:
        directory: the folder of the files.
        settings: the maximum age of ``last.pt``, and which epochs are kept.

    Attributes:
        training: the training, once it has started.
        saved: the step of the newest checkpoint; None if there is none.
    """

    def __init__(self, directory: Path, settings: Checkpoints) -> None:
        self.directory, self.settings = directory, settings
        self.waiting: dict[str, Any] | None = None
        self.training: Training | None = None
        self.saved: int | None = None
        self.took = 0.0  # seconds of the last write
        self.written_at = self.last_at = time.monotonic()

    def on_start(self, training: Training) -> None:
        self.training = training
        self.last_at = training.agreement.clock()
        if training.resumed:
            self.saved = training.progress.step
        else:  # so that there are checkpoints from the first step on
            # Only here: a directory that vanishes during training must be noticed, not made again.
            self.directory.mkdir(parents=True, exist_ok=True)
            self.save("best", training)
        if not training.resumed or not (self.directory / "last.pt").exists():
            self.save("last", training)

    def on_step(self, training: Training) -> None:
        wait = max(self.settings.seconds, SHARE * self.took if self.took > PAUSE else 0.0)
        if training.agreement.clock() - self.last_at >= wait:
            training.tick(training=True)
            self.save("last", training)
            training.tick(training=False)

    def on_validation(self, training: Training, *, improved: bool) -> None:
        if improved:
            self.save("best", training)

    def on_epoch_end(self, training: Training, *, last: bool) -> None:
        epoch, every = training.progress.step // training.steps_per_epoch, self.settings.every
        if every is not None and training.at_epoch_end and epoch % every == 0:
            self.save(f"epoch_{epoch}", training)
        if last or training.agreement.clock() - self.last_at >= self.settings.seconds:
            self.save("last", training)

    def on_stop(self, training: Training) -> None:
        self.save("last", training)

    def on_end(self, training: Training) -> None:
        self.settle()

    def save(self, name: str, training: Training) -> None:
        """Saves the present state as ``last``, ``best`` or ``epoch_N``.

        Raises:
            DivergedError: a tensor has a value that is not finite; the earlier file stays.
        """
        begun = time.monotonic()
        state = capture(
            strategy=training.strategy, progress=training.progress, means=training.means, data=training.data
        )
        if name == "last":
            self.last_at = training.agreement.clock()
        if parallel.rank() == 0:
            self.keep(name, state)
        self.took = parallel.of_first(time.monotonic() - begun)

    def keep(self, name: str, state: dict[str, Any]) -> None:
        """Writes a captured state now, or keeps it in memory if it is a small best state."""
        soon = time.monotonic() - self.written_at < PAUSE
        if name == "best" and soon and sum(t.nbytes for t in state["tensors"].values()) <= SMALL:
            self.waiting = copied(state)
            return
        if name != "best":
            self.settle()
        if name not in ("best", "last"):  # of a run that was resumed from before this epoch; there is none before it
            (self.directory / f"{name}.pt").unlink(missing_ok=True)
        self.write(name, state)
        self.waiting = None

    def settle(self) -> None:
        """Writes the best state that is kept in memory, if there is one.

        Raises:
            DivergedError: as ``save``.
        """
        waiting, self.waiting = self.waiting, None
        if waiting is not None:
            self.write("best", waiting)

    def write(self, name: str, state: dict[str, Any]) -> None:
        """Writes the state to the file ``name``.pt; the state before is kept in ``name``.previous.pt."""
        write(self.directory / f"{name}.pt", state)
        self.saved = state["progress"]["step"]
        self.written_at = time.monotonic()

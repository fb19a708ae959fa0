"""When a state of the training becomes a file."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, final

from torch import Tensor

from vaerun.trainer.checkpoint import capture, write
from vaerun.trainer.checkpoints import Checkpoints
from vaerun.trainer.training import Training
from vaerun.trainer.watcher import Watcher

SMALL = 2**23  # bytes of weights and rows that are sooner copied in memory than brought safely to a disk
PAUSE = 1.0  # seconds between two files that a training hardly notices


@final
class CheckpointWriter(Watcher):
    """Writes ``last.pt`` and ``best.pt`` of a training.

    A small model may improve every few milliseconds, and a file takes tens of them to be safe on a disk. So a best
    state that is small and comes within a second of the last file waits in memory until the next ``last.pt``, and is
    written before it: a run that is killed continues from the last one, with the best state of that time beside it, or
    one that it will come to again. Nothing waits for longer than the training.

    Args:
        directory: where they are written.
        settings: how old ``last.pt`` may become.
    """

    def __init__(self, directory: Path, settings: Checkpoints) -> None:
        self.directory, self.settings = directory, settings
        self.waiting: dict[str, Any] | None = None
        self.written_at = self.last_at = time.monotonic()

    def on_start(self, training: Training) -> None:
        if not training.resumed:  # from here on there is a state to go back to
            self.save("best", training)
            self.save("last", training)

    def on_step(self, training: Training) -> None:
        if time.monotonic() - self.last_at >= self.settings.seconds:
            training.tick(training=True)
            self.save("last", training)
            training.tick(training=False)

    def on_validation(self, training: Training, *, improved: bool) -> None:
        if improved:
            self.save("best", training)

    def on_epoch_end(self, training: Training, *, last: bool) -> None:
        if last or time.monotonic() - self.last_at >= self.settings.seconds:
            self.save("last", training)

    def on_stop(self, training: Training) -> None:
        self.save("last", training)

    def on_end(self, training: Training) -> None:
        self.settle()

    def save(self, name: str, training: Training) -> None:
        """Takes the state of this moment as ``last`` or ``best``.

        Raises:
            DivergedError: a weight or row of a state to be written is not finite; its file stays as it was.
        """
        state = capture(
            strategy=training.strategy, progress=training.progress, means=training.means, data=training.data
        )
        self.keep(name, state)

    def keep(self, name: str, state: dict[str, Any]) -> None:
        """The same for a captured state."""
        soon = time.monotonic() - self.written_at < PAUSE
        if name == "best" and soon and sum(t.nbytes for t in state["tensors"].values()) <= SMALL:
            self.waiting = copied(state)
            return
        if name == "last":
            self.settle()
            self.last_at = time.monotonic()
        self.write(name, state)
        self.waiting = None

    def settle(self) -> None:
        """Writes the best state if it waits.

        Raises:
            DivergedError: as ``save``.
        """
        waiting, self.waiting = self.waiting, None
        if waiting is not None:
            self.write("best", waiting)

    def write(self, name: str, state: dict[str, Any]) -> None:
        """Puts the state into its file."""
        write(self.directory / f"{name}.pt", state)
        self.written_at = time.monotonic()


def copied(value: Any) -> Any:
    """The same nest with tensors of its own."""
    if isinstance(value, Tensor):
        return value.clone()
    if isinstance(value, Mapping):
        return {key: copied(child) for key, child in value.items()}
    return [copied(child) for child in value] if isinstance(value, list) else value

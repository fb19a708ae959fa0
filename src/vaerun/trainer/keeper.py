"""When a state of the training becomes a file."""

import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, final

from torch import Tensor

from vaerun.trainer.checkpoint import write

SMALL = 2**23  # bytes of weights and rows that are sooner copied in memory than brought safely to a disk
PAUSE = 1.0  # seconds between two files that a training hardly notices


@final
class Keeper:
    """``last.pt`` and ``best.pt`` of a training.

    A small model may become better every few milliseconds, and a file takes tens of them to be safe on a disk. So a
    best state that is small and comes within a second of the file before waits in memory until the next ``last.pt``,
    and is written before it: a run that is killed goes on from the last, with the best of that time beside it, or one
    that it will come to again. Use it in a with statement: nothing waits for longer.

    Args:
        directory: where they stand.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.waiting: dict[str, Any] | None = None
        self.written_at = time.monotonic()

    def keep(self, name: str, state: dict[str, Any]) -> None:
        """Takes a captured state as ``last`` or ``best``.

        Raises:
            DivergedError: a weight or row of a state to be written is not finite; its file stays as it was.
        """
        soon = time.monotonic() - self.written_at < PAUSE
        if name == "best" and soon and sum(t.nbytes for t in state["tensors"].values()) <= SMALL:
            self.waiting = copied(state)
            return
        if name == "last":
            self.settle()
        self.write(name, state)
        self.waiting = None

    def settle(self) -> None:
        """Writes the best state if it waits.

        Raises:
            DivergedError: as ``keep``.
        """
        waiting, self.waiting = self.waiting, None
        if waiting is not None:
            self.write("best", waiting)

    def write(self, name: str, state: dict[str, Any]) -> None:
        """Puts the state into its file."""
        write(self.directory / f"{name}.pt", state)
        self.written_at = time.monotonic()

    def __enter__(self) -> "Keeper":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.settle()


def copied(value: Any) -> Any:
    """The same nest with tensors of its own."""
    if isinstance(value, Tensor):
        return value.clone()
    if isinstance(value, Mapping):
        return {key: copied(child) for key, child in value.items()}
    return [copied(child) for child in value] if isinstance(value, list) else value

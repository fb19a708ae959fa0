"""Where an interrupted training continues: the newest intact state, and the best so far."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, final

import torch

from vaerun.errors import UserError
from vaerun.trainer.checkpoint import Progress, read
from vaerun.trainer.checkpoint_file import previous

logger = logging.getLogger("vaerun")

State = dict[str, Any]


class ResumePoint(NamedTuple):
    """The state that a training continues from.

    Attributes:
        state: the content of a checkpoint.
        progress: its steps, with the best validation bound of the best checkpoint that can be read.
        path: the file of the checkpoint.
    """

    state: State
    progress: Progress
    path: Path


@final
class SavedStates:
    """The four checkpoint files of a run, and which of them is the newest valid one.

    Args:
        directory: the folder of the files.
        device: of the tensors.

    Attributes:
        faults: by file, what is wrong with it; known once ``newest`` has been called.
    """

    def __init__(self, directory: Path, device: torch.device) -> None:
        self.directory, self.device = directory, device
        self.faults: dict[Path, str] = {}

    def newest(self) -> ResumePoint:
        """The newest intact state for which the best state before it is intact, too. It changes no file.

        ``best.pt`` holds everything that a training needs, so it takes the place of ``last.pt`` if that is damaged.
        Every choice continues with bit-identical results, only from an earlier step.

        Raises:
            UserError: no state can be read.
        """
        self.faults = {}
        bests = list(self._intact("best", at_most=1))
        lasts = 0
        for path, state in self._intact("last", at_most=2):
            if bests and _best(bests[0][1]) >= _best(state):
                newer = self.faults and _step(bests[0][1]) > _step(state)  # last.pt is damaged, the one before is older
                return _point(*(bests[0] if newer else (path, state)), bests[0][1])
            lasts += 1
        if bests:
            return _point(*bests[0], bests[0][1])
        detail = f" ({_told(self.faults)})" if self.faults else ""
        other = " vaerun eval --checkpoint last opens its last state." if lasts else ""
        raise UserError(f"{self.directory} has no best checkpoint that can be read{detail}: start a new run.{other}")

    def mended(self) -> ResumePoint:
        """The same, after damaged files are put aside, with a warning; the file before takes the place of each.

        Raises:
            UserError: as ``newest``.
        """
        point = self.newest()
        if not self.faults:
            return point
        logger.warning("%s: the run continues from step %d", _told(self.faults), point.progress.step)
        for path in self.faults:  # they would become previous checkpoints
            if path.exists():
                path.replace(path.with_name(f"{path.stem}.damaged.pt"))
        for path in self.faults:
            if (before := previous(path)) not in self.faults and before.exists():
                before.replace(path)
                point = point._replace(path=path) if point.path == before else point
        return point

    def _intact(self, name: str, *, at_most: int) -> Iterator[tuple[Path, State]]:
        """The states in ``name``.pt and in the file before it, newest first; adds what is wrong with the others."""
        path = self.directory / f"{name}.pt"
        found = 0
        for each in (path, previous(path)):
            state, fault = read(each, self.device)
            if state is not None:
                yield each, state
                found += 1
                if found == at_most:
                    return
            elif each.exists() or each == path:
                self.faults[each] = fault


def reread(path: Path, progress: Progress, device: torch.device) -> ResumePoint:
    """The state in the file that another process has chosen.

    Raises:
        UserError: it cannot be read here.
    """
    state, fault = read(path, device)
    if state is None:
        raise UserError(f"{path} {fault}: all processes of a run need the same run directory.")
    return ResumePoint(state, progress, path)


def _point(path: Path, state: State, best: State) -> ResumePoint:
    progress = Progress(**state["progress"])
    found = Progress(**best["progress"])
    # The best checkpoint may be newer than the state; it is tested unless a later validation is better.
    if found.best > progress.best:
        progress = replace(progress, best=found.best, best_step=found.best_step)
    return ResumePoint(state, progress, path)


def _told(faults: Mapping[Path, str]) -> str:
    return "; ".join(f"{path} {fault}" for path, fault in faults.items())


def _best(state: State) -> float:
    return float(state["progress"]["best"])


def _step(state: State) -> int:
    return int(state["progress"]["step"])

"""Where an interrupted training continues: the newest intact state, and the best so far."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

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
    """

    state: State
    progress: Progress


def find(directory: Path, device: torch.device) -> ResumePoint:
    """The newest intact state for which the best state before it is intact, too; a warning if it is not ``last.pt``.

    ``best.pt`` holds everything that a training needs, so it takes the place of ``last.pt`` if that is damaged. Every
    choice continues with bit-identical results, only from an earlier step.

    Raises:
        UserError: no state can be read.
    """
    faults: dict[Path, str] = {}
    bests = list(_intact(directory, "best", device, faults, at_most=1))
    lasts: list[State] = []
    for state in _intact(directory, "last", device, faults):
        if bests and _best(bests[0]) >= _best(state):
            newer = faults and _step(bests[0]) > _step(state)  # where last.pt is damaged, and the one before is older
            return _point(bests[0] if newer else state, bests[0], faults)
        lasts.append(state)
    if bests:
        return _point(bests[0], bests[0], faults)
    detail = f" ({_told(faults)})" if faults else ""
    other = " vaerun eval --checkpoint last opens its last state." if lasts else ""
    raise UserError(f"{directory} has no best checkpoint that can be read{detail}: start a new run.{other}")


def _point(state: State, best: State, faults: dict[Path, str]) -> ResumePoint:
    progress = Progress(**state["progress"])
    found = Progress(**best["progress"])
    # The best checkpoint may be newer than the state; it is tested unless a later validation is better.
    if found.best > progress.best:
        progress = replace(progress, best=found.best, best_step=found.best_step)
    if faults:
        logger.warning("%s: the run continues from step %d", _told(faults), progress.step)
        _put_aside(faults)
    return ResumePoint(state, progress)


def _put_aside(faults: Mapping[Path, str]) -> None:
    """Renames damaged files, which would become previous checkpoints, and gives the one before its place back."""
    for path in faults:
        if path.exists():
            path.replace(path.with_name(f"{path.stem}.damaged.pt"))
    for path in faults:
        if (before := previous(path)) not in faults and before.exists():
            before.replace(path)


def _told(faults: dict[Path, str]) -> str:
    return "; ".join(f"{path} {fault}" for path, fault in faults.items())


def _best(state: State) -> float:
    return float(state["progress"]["best"])


def _step(state: State) -> int:
    return int(state["progress"]["step"])


def _both(directory: Path, name: str) -> tuple[Path, Path]:
    path = directory / f"{name}.pt"
    return path, previous(path)


def _intact(
    directory: Path, name: str, device: torch.device, faults: dict[Path, str], at_most: int = 2
) -> Iterator[State]:
    """The states in ``name``.pt and in the file before it, newest first; what is wrong with the others is added."""
    found = 0
    for path in _both(directory, name):
        state, fault = read(path, device)
        if state is not None:
            yield state
            found += 1
            if found == at_most:
                return
        elif path.exists() or path.stem == name:
            faults[path] = fault

"""How far each job of a sweep is, read from its files, so that it is known under every launcher."""

import json
import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from vaerun.errors import UserError
from vaerun.experiment.directory import read_summary
from vaerun.sweep import marker
from vaerun.sweep.job import Job
from vaerun.system.files import UnsafeFileError, open_to_read

BOUNDS = ("elbo/valid", "pseudo_elbo/valid", "elbo/train", "pseudo_elbo/train")  # shown, the first that was recorded
TESTED = ("elbo/test", "pseudo_elbo/test")
TAIL = 65536  # bytes at the end of metrics.jsonl that hold a record, at least
LONGEST = 2**20  # bytes of a log that are read at a time
LIMITS = {"epoch": "epochs", "train_seconds": "max_seconds", "decoder_evaluations": "max_decoder_evaluations"}

WAITING, RUNNING, COMPLETED, FAILED, INTERRUPTED, LOST = "waiting", "running", "completed", "failed", "stopped", "lost"
PRUNED = "pruned"
ENDED = (COMPLETED, FAILED, INTERRUPTED, LOST, PRUNED)


@dataclass(frozen=True)
class State:
    """The state of a job.

    Attributes:
        status: waiting, running, completed, failed, stopped (its state is saved), pruned (a search has stopped it, its
            state is saved), or lost (its process is gone).
        reason: why it failed or stopped.
        seconds: since its start, or until its end.
        earlier: whether it was completed before this sweep started.
    """

    status: str
    reason: str = ""
    seconds: float = 0.0
    earlier: bool = False


@dataclass(frozen=True)
class Position:
    """How far a training is.

    Attributes:
        epoch: the epochs so far.
        epochs: the epochs in all.
        bound: the tag of the newest bound.
        value: its value.
        speed: data points per second of training steps, or None.
        left: the estimated seconds that are left, or None.
    """

    epoch: float = 0.0
    epochs: int = 0
    bound: str = ""
    value: float | None = None
    speed: float | None = None
    left: float | None = None


def state(job: Job) -> State:
    """The state of a job in this sweep: its marker is removed before it starts."""
    about = marker.read(marker.marker(job.directory))
    if not about:
        return State(WAITING)
    seconds = float(about.get("ended", time.time())) - float(about["started"])
    if "ended" not in about:
        return State(RUNNING if _lives(about) else LOST, seconds=seconds)
    code = int(about["code"])
    stopped = PRUNED if marker.is_pruned(job.directory) else INTERRUPTED
    status = {0: COMPLETED, 130: stopped}.get(code, FAILED)
    return State(status, str(about["reason"]), seconds)


def is_completed(directory: Path) -> bool:
    """Whether the run in a directory is completed; not if its summary is damaged."""
    try:
        return read_summary(directory).get("status") == "completed"
    except UserError:
        return False


def result(directory: Path) -> str:
    """``elbo/test -23.41`` of a completed run."""
    metrics = read_summary(directory).get("metrics") or {}
    return next((f"{tag} {metrics[tag]:.2f}" for tag in TESTED if metrics.get(tag) is not None), "")


def position(job: Job) -> Position:
    """How far the training of a job is, by its last record."""
    trainer: Any = OmegaConf.select(job.config, "trainer") or {}
    epochs = int(trainer.get("epochs") or 0)
    records = _last_records(job.directory / "metrics.jsonl")
    if not records:
        return Position(epochs=epochs)
    last = records[-1]
    bound, value = next(
        ((tag, r[tag]) for tag in BOUNDS for r in reversed(records) if r.get(tag) is not None), ("", None)
    )
    done = [float(last.get(cost) or 0) / float(trainer.get(key) or float("inf")) for cost, key in LIMITS.items()]
    part = min(1.0, max(done))
    seconds, trained = float(last.get("seconds") or 0), float(last.get("train_seconds") or 0)
    points = float(last.get("step") or 0) * float(trainer.get("batch_size") or 0)
    return Position(
        epoch=float(last.get("epoch") or 0),
        epochs=epochs,
        bound=bound,
        value=value,
        speed=points / trained if trained > 0 else None,
        left=seconds * (1 - part) / part if part > 0 else None,
    )


def size(path: Path) -> int:
    """The bytes of a file; 0 if there is none."""
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def warnings(path: Path, offset: int) -> tuple[list[str], int]:
    """The warnings in a log from an offset on, and the offset of its end."""
    try:
        with open_to_read(path) as file:
            file.seek(offset)
            text = file.read(LONGEST)
    except (OSError, UnsafeFileError):
        return [], offset
    text = text[: text.rfind(b"\n") + 1]
    lines = text.decode("utf-8", "replace").splitlines()
    said = [line.partition(" WARNING ")[2] or line.partition(" ERROR ")[2] for line in lines]
    return [line.partition(": ")[2] for line in said if line], offset + len(text)


def _lives(about: dict[str, Any]) -> bool:
    """Whether the process of a job exists; of another machine, that is not known and taken for true."""
    if about.get("host") != socket.gethostname():
        return True
    try:
        os.kill(int(about["pid"]), 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return not _is_zombie(int(about["pid"]))


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (OSError, IndexError):
        return False


def _last_records(path: Path) -> list[dict[str, Any]]:
    """The last records of metrics.jsonl, oldest first."""
    try:
        with open_to_read(path) as file:
            file.seek(max(0, path.stat().st_size - TAIL))
            lines = file.read().splitlines()[-20:]
    except (OSError, UnsafeFileError):
        return []
    records = []
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            records.append(record)
    return records

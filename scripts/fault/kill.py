"""Runs that are killed by SIGKILL, at random moments and inside chosen calls, and are then resumed to their end."""

import json
import os
import random
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from fault.kind import KINDS, SHORT
from fault.process import Ended, vaerun
from fault.state import difference, summary

RUN = "hydra.run.dir=run"
MOST = 3  # kills of one run


class Point:
    """Kills the process inside the ``count``-th call of a function.

    Args:
        name: of the point, for the record.
        place: module and attribute, such as ``os.fsync``.
        calls: about how often a run calls it.
    """

    def __init__(self, name: str, place: str, calls: int) -> None:
        self.name, self.place, self.calls = name, place, calls

    def arm(self, count: int) -> Callable[[], None]:
        """A function that puts the trap into the present process."""

        def put() -> None:
            from importlib import import_module

            path, _, attribute = self.place.rpartition(".")
            module, _, cls = path.partition(":")
            holder = getattr(import_module(module), cls) if cls else import_module(module)
            original = getattr(holder, attribute)
            left = count

            def trapped(*args: Any, **kwargs: Any) -> Any:
                nonlocal left
                left -= 1
                if left <= 0:
                    if hasattr(args[0], "file") and self.name == "write of a checkpoint":
                        args[0].file.write(bytes(args[1])[: len(args[1]) // 2])  # half of it reaches the file
                        args[0].file.flush()
                    os.kill(os.getpid(), signal.SIGKILL)
                return original(*args, **kwargs)

            setattr(holder, attribute, trapped)

        return put


POINTS = (
    Point("write of a checkpoint", "vaerun.trainer.checkpoint_file:_Checksummed.write", 400),
    Point("flush of a file", "os.fsync", 25),
    Point("rename of a file", "pathlib:Path.replace", 50),
    Point("second name of a checkpoint", "os.link", 20),
    Point("record", "vaerun.tracking.jsonl:Jsonl.scalars", 11),
    Point("event of TensorBoard", "vaerun.tracking.event_file:EventFile.write", 20),
    Point("evaluation", "vaerun.evaluation.bound:BoundEvaluation.evaluate", 5),
    Point("reading a checkpoint", "vaerun.trainer.checkpoint_file.read", 3),
    Point("resume: cutting metrics.jsonl", "vaerun.tracking.jsonl.encode", 15),
    Point("resume: cutting the event file", "vaerun.tracking.event_file._stays", 20),
    Point("resume: restoring", "vaerun.trainer.checkpoint.restore_tensors", 2),
)


def whole(kind: str, folder: Path) -> tuple[Path, float]:
    """A run that is left alone, and the seconds it takes; made once."""
    home = folder / "whole" / kind
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    ended = vaerun(["train", *SHORT, *KINDS[kind], RUN], home)
    if ended.code != 0:
        raise SystemExit(f"{kind} ends with {ended.code} although nobody killed it: {ended.said}")
    return home / "run", ended.seconds


def trial(kind: str, left_alone: Path, seconds: float, folder: Path, rng: random.Random) -> dict[str, Any]:
    """One run that is killed up to three times and then goes on to its end."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    words = ["train", *SHORT, *KINDS[kind], RUN]
    kills = []
    for _ in range(rng.randint(1, MOST)):
        where, ended = shot(words, folder, seconds, rng)
        if ended.killed:
            kills.append({"where": where, "status": status(folder / "run")})
        elif ended.code != 0:
            return {"kind": kind, "kills": kills, "failed": ended.said[-2000:]}
        if (folder / "run" / "config.yaml").exists():
            words = ["train", "resume=run"]
    ended = vaerun(words, folder)
    if ended.code != 0:
        return {"kind": kind, "kills": kills, "failed": ended.said[-2000:]}
    return {"kind": kind, "kills": kills, **difference(left_alone, folder / "run")}


def shot(words: list[str], folder: Path, seconds: float, rng: random.Random) -> tuple[str, Ended]:
    """One process that is killed: at a random moment, or inside a call."""
    if rng.random() < 0.5:
        return "a random moment", vaerun(words, folder, kill_after=rng.uniform(0, 1.1 * seconds))
    point = rng.choice(POINTS)
    return point.name, vaerun(words, folder, prepare=point.arm(rng.randint(1, point.calls)))


def evaluation(left_alone: Path, seconds: float, folder: Path, rng: random.Random) -> dict[str, Any]:
    """``vaerun eval`` that is killed and run again: the run is as it was, and every line can be read."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copytree(left_alone, folder / "run")
    words = ["eval", "run", "evaluation.num_samples=2", "evaluation.points=50"]
    kills = []
    for _ in range(rng.randint(1, MOST)):
        if vaerun(words, folder, kill_after=rng.uniform(0, seconds)).killed:
            kills.append({"where": "vaerun eval", "status": status(folder / "run")})
    ended = vaerun(words, folder)
    if ended.code != 0:
        return {"kind": "eval", "kills": kills, "failed": ended.said[-2000:]}
    lines = (folder / "run" / "evaluations.jsonl").read_text().splitlines()
    results = [json.loads(line)["metrics"] for line in lines]
    same = all(result == results[0] for result in results)
    found = difference(left_alone, folder / "run")
    return {"kind": "eval", "kills": kills, **found, "differing": found["differing"] + ([] if same else ["results"])}


def status(run: Path) -> str:
    """The status in summary.json, of a run that was just killed."""
    try:
        return str(summary(run).get("status", "none"))
    except ValueError:
        return "unreadable"


def trials(folder: Path, seed: int, kinds: list[str]) -> Iterator[dict[str, Any]]:
    """Trial after trial, the kinds in turn, without an end."""
    rng = random.Random(seed)
    alone = {kind: whole(kind, folder) for kind in kinds}
    while True:
        for kind, (run, seconds) in alone.items():
            yield trial(kind, run, seconds, folder / "trial", rng)
        run, seconds = alone[kinds[0]]
        yield evaluation(run, seconds, folder / "trial", rng)

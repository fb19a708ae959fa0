"""One bit is flipped in a file of a run: it must be noticed, or be without effect."""

import json
import random
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fault.environment import BAD, RESUME, WORDS, at_record, fresh
from fault.process import Ended, vaerun
from fault.state import difference

EVALUATE = ("eval", "place/run", "evaluation.num_samples=2", "evaluation.points=20", "--json")
COMPARE = ("compare", "place", "--json", "--columns", "elbo,iwae_2,steps")
NOTICE = ("was changed", "damaged", "is lost", "are lost", "left out", "cannot be", "does not exist", "no checksum")


def flip(path: Path, rng: random.Random) -> int:
    """Flips one random bit of a file; returns its number."""
    content = bytearray(path.read_bytes())
    bit = rng.randrange(8 * len(content))
    content[bit // 8] ^= 1 << (bit % 8)
    path.write_bytes(content)
    return bit


def files(run: Path) -> list[Path]:
    """The files of a run that are not empty."""
    return [path for path in sorted(run.rglob("*")) if path.is_file() and path.stat().st_size]


def name_of(path: Path) -> str:
    """The name of a file without what differs between runs."""
    return "the event file" if "tfevents" in path.name else path.name


def corruptions(folder: Path, seed: int, rounds: int) -> Iterator[dict[str, Any]]:
    """Flips a bit in each file of an interrupted and of a finished run, round after round."""
    rng = random.Random(seed)
    whole = fresh(folder / "whole") / "place" / "run"
    vaerun(WORDS, folder / "whole")
    vaerun(EVALUATE, folder / "whole")
    stopped = fresh(folder / "stopped") / "place" / "run"
    vaerun(WORDS, folder / "stopped", prepare=at_record(8, _interrupt))
    shown = tuple(ran(copied(whole, folder).parents[1], words)[1] for words in (COMPARE, EVALUATE))
    for _ in range(rounds):
        for path in files(stopped):
            at = copied(stopped, folder)
            bit = flip(at / path.relative_to(stopped), rng)
            ended = vaerun(RESUME, folder / "trial")
            found = difference(whole, at) if ended.code == 0 else {"differing": "no end"}
            same = not any(found.get(key) for key in ("differing", "duplicates", "gaps"))
            yield verdict(path, bit, "resume", [ended], same)
        for path in files(whole):
            at = copied(whole, folder)
            bit = flip(at / path.relative_to(whole), rng)
            if path.suffix == ".npz":
                verdict_of_numpy = loaded(at / path.relative_to(whole), path)
                yield {**verdict(path, bit, "numpy.load", [], True), "verdict": verdict_of_numpy}
                continue
            ended, found_by = zip(*(ran(folder / "trial", words) for words in (COMPARE, EVALUATE)), strict=True)
            yield verdict(path, bit, "compare and eval", ended, found_by == shown)


def _interrupt() -> None:
    import os
    import signal

    os.kill(os.getpid(), signal.SIGTERM)


def copied(run: Path, folder: Path) -> Path:
    """A copy of a run in the folder of trials."""
    at = fresh(folder / "trial") / "place" / "run"
    shutil.copytree(run, at)
    return at


def ran(folder: Path, words: Sequence[str]) -> tuple[Ended, Any]:
    """How a command ended, and the JSON that it printed."""
    (folder / "said.txt").unlink(missing_ok=True)
    ended = vaerun(words, folder)
    text = ended.said[ended.said.find("[" if words[0] == "eval" else "{") :]
    try:
        shown = json.JSONDecoder().raw_decode(text)[0]
    except ValueError:
        return ended, None
    return ended, [one["metrics"] for one in shown] if words[0] == "eval" else shown


def loaded(path: Path, whole: Path) -> str:
    """Whether NumPy notices the damage to an archive."""
    try:
        return "without effect" if arrays(path) == arrays(whole) else "SILENT"
    except Exception:
        return "noticed"


def arrays(path: Path) -> dict[str, bytes]:
    """The content of an archive."""
    with np.load(path) as archive:
        return {name: archive[name].tobytes() for name in archive}


def verdict(path: Path, bit: int, use: str, ended: Sequence[Ended], same: bool) -> dict[str, Any]:
    """One line of the record: noticed, without effect, silent, or a crash."""
    said = "\n".join(one.said for one in ended)
    noticed = any(words in said for words in NOTICE) or any(one.code for one in ended)
    crashed = any(bad in said for bad in BAD)
    word = "crash" if crashed else "noticed" if noticed else "without effect" if same else "SILENT"
    heard = said[-600:] if word in ("crash", "SILENT") else ""
    return {"file": name_of(path), "bit": bit, "use": use, "verdict": word, "identical": same, "said": heard}

"""Full disks, limits, read-only and vanished folders, closed streams: each command must end with one sentence."""

import errno
import fcntl
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fault.kind import OFTEN, SHORT
from fault.process import Ended, vaerun
from fault.state import difference, summary

WORDS = ("train", *SHORT, OFTEN, "hydra.run.dir=place/run")
RESUME = ("train", "resume=place/run")
BAD = ("Traceback", "internal error", "Logging error", "Exception ignored")


class Outcome(NamedTuple):
    """What became of one fault.

    Attributes:
        fault: what was done.
        code: the exit code.
        said: the last line of what was printed.
        wrong: what is not as it should be; empty if all is well.
    """

    fault: str
    code: int
    said: str
    wrong: str = ""


def judged(fault: str, ended: Ended, *, codes: Sequence[int], wrong: str = "") -> Outcome:
    """The outcome of a command that must end with one of the exit codes, and with one sentence if it fails."""
    lines = [line for line in ended.said.splitlines() if line.startswith("vaerun: ")]
    last = (ended.said.strip().splitlines() or [""])[-1]
    if ended.code not in codes:
        wrong = wrong or f"exit code {ended.code}"
    elif any(bad in ended.said for bad in BAD):
        wrong = "a traceback"
    elif ended.code in (1, 2) and not lines:
        wrong = "no sentence"
    return Outcome(fault, ended.code, (lines or [last])[-1], wrong)


def resumed(folder: Path, whole: Path) -> str:
    """What differs after the fault is gone and the run has gone on to its end; empty if nothing."""
    words = RESUME if (folder / "place" / "run" / "config.yaml").exists() else WORDS
    ended = vaerun(words, folder)
    if ended.code != 0:
        return f"it cannot go on: {ended.said.strip().splitlines()[-1:]}"
    found = difference(whole, folder / "place" / "run")
    bad = found["differing"] or found["duplicates"] or found["gaps"]
    return f"it goes on with other results: {found}" if bad else ""


def limit(what: int, size: int) -> Callable[[], None]:
    """Sets a limit of the process."""
    return lambda: resource.setrlimit(what, (size, resource.getrlimit(what)[1]))


def small_disks(folder: Path, whole: Path, sizes: Sequence[int]) -> Iterator[Outcome]:
    """Training on file systems of some KiB; then there is room, and it goes on."""
    for size in sizes:
        place = fresh(folder) / "place"
        mount(place, f"size={size}k")
        try:
            ended = vaerun(WORDS, folder)
            mount(place, "remount,size=8m")
            wrong = "" if ended.code == 0 else resumed(folder, whole)
            yield judged("training on a full disk", ended, codes=(0, 1), wrong=wrong)
        finally:
            subprocess.run(["umount", "-l", place], check=True)


def limited_files(folder: Path, whole: Path, sizes: Sequence[int]) -> Iterator[Outcome]:
    """Training that may write files of some bytes only (ulimit -f)."""
    for size in sizes:
        (fresh(folder) / "place").mkdir()
        ended = vaerun(WORDS, folder, prepare=limit(resource.RLIMIT_FSIZE, size))
        wrong = "" if ended.code == 0 else resumed(folder, whole)
        yield judged("training under ulimit -f", ended, codes=(0, 1), wrong=wrong)


def read_only(folder: Path, whole: Path) -> Iterator[Outcome]:
    """Every command on a run that is on a read-only file system."""
    place = fresh(folder) / "place"
    mount(place, "size=8m")
    try:
        shutil.copytree(whole, place / "run")
        mount(place, "remount,ro")
        evaluate = ("eval", "place/run", "evaluation.num_samples=2", "evaluation.points=20")
        for words, codes in (
            (WORDS, (2,)),
            (RESUME, (0, 2)),
            (evaluate, (0,)),
            ((*evaluate, "--json"), (0,)),
            ((*evaluate, "--out", "elsewhere"), (0,)),
            (("sample", "place/run", "--n", "4"), (2,)),
            (("sample", "place/run", "--n", "4", "--out", "samples"), (0,)),
            (("compare", "place"), (0,)),
            (("report", "place"), (2,)),
            (("report", "place", "--out", "page"), (0,)),
            (("train", *SHORT, "hydra.run.dir=place/new"), (2,)),
        ):
            ended = vaerun(words, folder)
            shown = words[0] != "eval" or "elbo/test" in ended.said
            name = f"read-only: vaerun {words[0]}" + (" --out" if "--out" in words else "")
            yield judged(name, ended, codes=codes, wrong="" if shown else "the results are not shown")
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def no_locks(folder: Path, whole: Path) -> Iterator[Outcome]:
    """A file system whose flock answers that it has no locks."""
    for number in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):

        def refuse(*_: Any, number: int = number) -> None:
            raise OSError(number, os.strerror(number))

        fresh(folder)
        ended = vaerun(WORDS, folder, prepare=lambda refuse=refuse: setattr(fcntl, "flock", refuse))  # type: ignore[misc]
        warned = "without locks" in ended.said
        found = difference(whole, folder / "place" / "run")["differing"] if ended.code == 0 else "no end"
        yield judged("a file system without locks", ended, codes=(0,), wrong=f"{found}" if found or not warned else "")


def vanished(folder: Path, whole: Path, steps: Sequence[int] = (1, 3, 5, 8)) -> Iterator[Outcome]:
    """The run directory is renamed or removed after a few records; a renamed one goes on under its new name."""
    for step in steps:
        fresh(folder)
        ended = vaerun(WORDS, folder, prepare=at_record(step, lambda: Path("place/run").rename("place/moved")))
        wrong = "a new folder" if (folder / "place" / "run").exists() else ""
        if not wrong:
            (folder / "place" / "moved").rename(folder / "place" / "run")
            wrong = resumed(folder, whole)
        yield judged("the run directory is renamed", ended, codes=(1,), wrong=wrong)
        fresh(folder)
        ended = vaerun(WORDS, folder, prepare=at_record(step, lambda: shutil.rmtree("place/run")))
        yield judged("the run directory is removed", ended, codes=(1,))


def at_record(count: int, action: Callable[[], Any]) -> Callable[[], None]:
    """Does something before a record is written."""

    def put() -> None:
        from vaerun.tracking.jsonl import Jsonl

        original, left = Jsonl.scalars, count

        def scalars(self: Jsonl, step: int, values: Mapping[str, float]) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                action()
            original(self, step, values)

        Jsonl.scalars = scalars  # type: ignore[method-assign]

    return put


def trackers(folder: Path, whole: Path) -> Iterator[Outcome]:
    """TensorBoard's file cannot be written from some event on: training does not notice."""
    for count in (1, 2, 4, 8, 12):

        def put(count: int = count) -> None:
            from vaerun.tracking.event_file import EventFile

            original, left = EventFile.write, count

            def write(self: EventFile, event: Any) -> None:
                nonlocal left
                left -= 1
                if left <= 0:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                original(self, event)

            EventFile.write = write  # type: ignore[method-assign]

        fresh(folder)
        ended = vaerun(WORDS, folder, prepare=put)
        found = difference(whole, folder / "place" / "run")["differing"] if ended.code == 0 else ["no end"]
        if ended.said.count("gets no further records") != 1:
            found.append("not one warning")
        yield judged("TensorBoard's file cannot be written", ended, codes=(0,), wrong=", ".join(found))


def records(folder: Path, whole: Path) -> Iterator[Outcome]:
    """metrics.jsonl of an interrupted run is deleted, cut, damaged or repeated."""
    fresh(folder)
    vaerun(WORDS, folder, prepare=at_record(8, lambda: os.kill(os.getpid(), 9)))
    for name, change in (
        ("deleted", lambda path: path.unlink()),
        ("emptied", lambda path: path.write_bytes(b"")),
        ("cut in a line", lambda path: path.write_bytes(path.read_bytes()[:-30])),
        ("a damaged line", lambda path: path.write_bytes(b"{\xff" + path.read_bytes()[2:])),
        ("a digit changed", lambda path: path.write_bytes(path.read_bytes().replace(b'/train": -2', b'/train": -3'))),
        ("its lines repeated", lambda path: path.write_bytes(2 * path.read_bytes())),
        ("a folder", lambda path: (path.unlink(), path.mkdir())),
    ):
        copy = fresh(folder.with_name("records")) / "place"
        shutil.copytree(folder / "place", copy)
        change(copy / "run" / "metrics.jsonl")
        ended = vaerun(RESUME, copy.parent)
        warnings = [line for line in ended.said.splitlines() if "metrics.jsonl" in line]
        needed = name not in ("its lines repeated",)
        wrong = f"{len(warnings)} warnings" if len(warnings) != needed else ""
        if ended.code == 0 and difference(whole, copy / "run")["duplicates"]:
            wrong = "duplicates"
        codes = (1, 2) if name == "a folder" else (0,)
        yield judged(f"metrics.jsonl: {name}", ended, codes=codes, wrong=wrong)


def real(words: Sequence[str], folder: Path, *, shell: str = "{}", **environment: str | None) -> Ended:
    """``vaerun WORDS`` in a new process, within a line of shell."""
    command = shell.format(" ".join(["vaerun", *words]))
    variables = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for name, value in environment.items():
        if value is None:
            variables.pop(name, None)
        else:
            variables[name] = value
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], cwd=folder, env=variables, capture_output=True, timeout=300
    )
    return Ended(done.returncode, (done.stdout + done.stderr).decode(errors="replace"), 0.0)


def shells(folder: Path, whole: Path) -> Iterator[Outcome]:
    """Every command under locales without Unicode, with closed and full streams, without HOME, and so on."""
    fresh(folder)
    shutil.copytree(whole, folder / "place" / "run")
    every = (
        (),
        ("--help",),
        ("train", "--help"),
        ("list",),
        ("list", "estimator", "--json"),
        ("compare", "place"),
        ("eval", "place/run", "evaluation.points=5", "evaluation.num_samples=2"),
        ("sample", "place/run", "--n", "2"),
        RESUME,
        ("train", *SHORT, "trainer.epochs=1", "hydra.run.dir=place/new"),
        ("verify", "nonsense=φ"),
        ("train", "nonsense=φ"),
    )
    for words in every:
        good = (2,) if words == () or "nonsense=φ" in words else (0,)
        name = f"vaerun {' '.join(words[:1])}"
        ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
        for fault, ended, codes in (
            ("LC_ALL=C PYTHONUTF8=0", real(words, folder, **ascii_only), good),
            ("PYTHONIOENCODING=ascii", real(words, folder, PYTHONIOENCODING="ascii"), good),
            ("standard output is closed", real(words, folder, shell="{} >&-"), good),
            ("standard error is closed", real(words, folder, shell="{} 2>&-"), good),
            ("standard output is full", real(words, folder, shell="{} >/dev/full"), (0, 1, 2)),
            ("the reader leaves (| head -1)", real(words, folder, shell="{} 2>&1 | head -1"), (*good, 0)),
            ("HOME is not set", real(words, folder, HOME=None), good),
            ("TMPDIR does not exist", real(words, folder, TMPDIR="/nonexistent"), good),
        ):
            shutil.rmtree(folder / "place" / "new", ignore_errors=True)
            silent = "2>&-" in fault or "error is closed" in fault
            outcome = judged(f"{fault}: {name}", ended, codes=codes)
            yield outcome._replace(wrong="") if silent and outcome.wrong == "no sentence" else outcome


def gone(folder: Path, whole: Path) -> Iterator[Outcome]:
    """The current folder is removed before the command begins; few files may be open; little memory."""
    for words in (("list",), ("train", *SHORT), ("eval", str(whole)), ("compare", str(whole)), ("train", "--help")):
        fresh(folder)
        ended = real(words, folder, shell="mkdir gone; cd gone; rmdir ../gone; {}")
        yield judged(f"the current folder is removed: vaerun {words[0]}", ended, codes=(0, 2))
    for count in (10, 14, 18, 22, 26, 30, 40):
        fresh(folder)
        ended = real(WORDS, folder, shell=f"ulimit -n {count}; {{}}")
        yield judged("few files may be open (ulimit -n)", ended, codes=(0, 1, 2))
    for megabytes in (300, 500, 700, 900, 1200, 2000):
        fresh(folder)
        ended = real(WORDS, folder, shell=f"ulimit -v {1024 * megabytes}; {{}}")
        yield judged("little memory (ulimit -v)", ended, codes=(0, 1, 2))
    for key in ("objective.num_samples=200000000", "objective.num_samples=20000000000000000"):
        fresh(folder)
        ended = real((*WORDS, "objective=iwae", key), folder)
        yield judged("out of memory (objective.num_samples)", ended, codes=(1,))


def fresh(folder: Path) -> Path:
    """An empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "place").mkdir(parents=True)
    (folder / "place").rmdir()
    return folder


def mount(place: Path, options: str) -> None:
    """A file system in memory; only root may make one."""
    place.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], check=True)


def may_mount() -> bool:
    """Whether this process may mount file systems."""
    return os.geteuid() == 0 and shutil.which("mount") is not None


Group = Callable[[Path, Path], Iterator[Outcome]]


def outcomes(folder: Path, chosen: Mapping[str, Group]) -> Iterator[Outcome]:
    """The faults of the chosen groups."""
    home = folder / "whole"
    fresh(home)
    vaerun(WORDS, home)
    whole = home / "place" / "run"
    assert summary(whole)["status"] == "completed"
    for group in chosen.values():
        yield from group(folder / "trial", whole)


def groups(*, thorough: bool) -> dict[str, Group]:
    """The groups of faults that can be tried on this machine, by name."""
    step = 1 if thorough else 6
    found: dict[str, Group] = {
        "limited_files": lambda at, of: limited_files(at, of, range(500, 45_000, 1500 * step)),
        "no_locks": no_locks,
        "vanished": lambda at, of: vanished(at, of, (1, 3, 5, 8)[::step]),
        "trackers": trackers,
        "records": records,
    }
    if may_mount():
        found["small_disks"] = lambda at, of: small_disks(at, of, range(4, 240, 6 * step))
        found["read_only"] = read_only
    if thorough:
        found |= {"shells": shells, "gone": gone}
    return found

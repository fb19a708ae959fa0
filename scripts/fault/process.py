"""``vaerun`` in a process of its own, forked from one that has imported torch, so that a run takes less than 1 s."""

import ctypes
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

OPTIONS = ("OMP_NUM_THREADS", "1")


class Ended(NamedTuple):
    """How a process ended: its exit code (negative: the signal), what it printed, and the seconds it took."""

    code: int
    said: str
    seconds: float

    @property
    def killed(self) -> bool:
        """Whether it was killed before it had ended."""
        return self.code == -signal.SIGKILL


def warm() -> None:
    """Imports everything that a run needs, and starts no thread: a fork would not have it."""
    import torch

    torch.set_num_threads(1)
    import vaerun.command.eval
    import vaerun.command.train
    import vaerun.experiment.fit
    import vaerun.experiment.load  # noqa: F401


def vaerun(
    words: Sequence[str],
    folder: Path,
    *,
    kill_after: float | None = None,
    prepare: Callable[[], None] | None = None,
    name: str = "said.txt",
) -> Ended:
    """Runs ``vaerun WORDS`` in a folder.

    Args:
        words: the command line.
        folder: the current folder of the process.
        kill_after: seconds until SIGKILL; None to let it end.
        prepare: called in the process before the command.
        name: of the file that takes what it prints.
    """
    (folder / name).unlink(missing_ok=True)  # what an earlier process printed says nothing about this one
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        _become(words, folder, prepare, folder / name)
    if kill_after is not None:
        _sleep_while_alive(child, kill_after)
        os.kill(child, signal.SIGKILL)  # without effect if it has ended: it is still to be waited for
    _, status = os.waitpid(child, 0)
    said = (folder / name).read_text(errors="replace") if (folder / name).exists() else ""
    return Ended(os.waitstatus_to_exitcode(status), said, time.monotonic() - start)


def _sleep_while_alive(child: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return
        time.sleep(min(left, 0.01))


def _become(words: Sequence[str], folder: Path, prepare: Callable[[], None] | None, log: Path) -> None:
    """The child: never returns."""
    code = 70
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # the child dies with its parent
        os.chdir(folder)
        file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(file, 1)
        os.dup2(file, 2)
        sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
        if prepare is not None:
            prepare()
        sys.argv = ["vaerun", *words]
        from vaerun.cli import dispatch

        code = dispatch(list(words))
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)

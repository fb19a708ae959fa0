"""Where a program waits until it is asked for more steps, and where their time is taken."""

import contextlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO


class Gate:
    """Lets ``wanted`` steps pass, reports the seconds they took, and waits for the next number.

    A trainer that owns its loop passes the gate from a callback, so that every library runs the loop its users run.

    Args:
        answers: where reports go, one line of JSON each.
        steps: of the first stretch, the warm-up.
        about: what the first report says besides.
    """

    def __init__(self, answers: TextIO, steps: int, about: dict[str, Any]) -> None:
        self.answers, self.wanted, self.left = answers, steps, steps
        self.about = about
        self.loss: Any = None  # whatever the program's float(loss) is, as a sign that it learns
        self.synchronize: Callable[[], Any] = lambda: None
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def step(self, loss: Any = None) -> None:
        """One step is done."""
        self.done(1, loss)

    def done(self, steps: int, loss: Any = None) -> None:
        """So many steps are done, of ``wanted`` at most."""
        self.left -= steps
        if loss is not None:
            self.loss = loss
        if self.left <= 0:
            self.report()

    def report(self) -> None:
        """Says what the steps took, and waits to be asked for more; leaves the process when nobody asks."""
        self.synchronize()
        wall, cpu = time.perf_counter() - self.wall, time.process_time() - self.cpu
        peak = peak_bytes()
        loss = None if self.loss is None else float(self.loss)
        print(
            json.dumps({"wall": wall, "cpu": cpu, "peak_bytes": peak, "loss": loss, **self.about}),
            file=self.answers,
            flush=True,
        )
        word = sys.stdin.readline().strip()
        if not word:
            os._exit(0)  # a library's own clean-up may take long or write files
        self.wanted = self.left = int(word)
        self.wall, self.cpu = time.perf_counter(), time.process_time()


def peak_bytes() -> int:
    """The most memory that this process has held."""
    with contextlib.suppress(OSError):
        # ru_maxrss starts from what the parent held when it forked.
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

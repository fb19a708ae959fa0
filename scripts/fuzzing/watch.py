"""What one input costs, and where an error of it comes from."""

import re
import signal
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NamedTuple

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class TooLongError(BaseException):
    """The input was not read in time; no code of vaerun catches this."""


class Cost(NamedTuple):
    """Seconds, and the bytes by which memory rose above what it was before."""

    seconds: float
    peak: int


def measured(call: Callable[[], object], *, limit: float) -> tuple[BaseException | None, Cost]:
    """The error that the call ends with, or None, and its cost. After ``limit`` seconds it is stopped.

    Memory is measured on Linux only.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        raise TooLongError(f"not read in {limit:.0f} s")

    before = _reset()
    handler = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, limit)
    start, error = time.perf_counter(), None
    try:
        call()
    except (Exception, TooLongError) as raised:
        error = raised
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
    return error, Cost(time.perf_counter() - start, max(0, _status("VmHWM") - before))


def signature(error: BaseException) -> str:
    """The kind of error and the last line of vaerun that it went through: equal for equal causes."""
    frames = [each for each in traceback.extract_tb(error.__traceback__) if "vaerun" in each.filename]
    where = f"{Path(frames[-1].filename).name}:{frames[-1].name}" if frames else "outside"
    text = re.sub(r"\d+|'[^']*'|/\S+", "#", " ".join(str(error).split()))[:90]
    return f"{type(error).__name__} in {where}: {text}"


def _reset() -> int:
    try:
        CLEAR.write_text("5")
    except OSError:
        return _status("VmHWM")
    return _status("VmRSS")


def _status(field: str) -> int:
    try:
        found = re.search(rf"{field}:\s+(\d+)", STATUS.read_text())
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0

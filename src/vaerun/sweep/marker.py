"""Files by which the jobs of a sweep and the sweep itself talk to each other, under every launcher.

``.jobs/NAME.json`` in the directory of the sweep says that a job has started, in which process, and how it has ended.
The file ``.jobs/stop`` asks all jobs to save their state and stop; ``.jobs/NAME.stop`` asks one.
"""

import contextlib
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from vaerun.errors import Interrupted
from vaerun.system import files, whole_file
from vaerun.system.signals import handled

FOLDER = ".jobs"
STOP = "stop"
LARGEST = 2**16  # bytes of what is known of a job
SWEEP_PID = "VAERUN_SWEEP_PID"  # the process of the sweep, for its jobs
KINDS = {"pid": (int,), "host": (str,), "started": (int, float)}  # of what a marker holds
ENDED_KINDS = {"ended": (int, float), "code": (int,), "reason": (str,)}
INTERVAL = 0.3  # seconds between two looks at the stop file
BEAT = 10.0  # seconds after which a job touches its marker, as a sign that its machine works

busy = threading.Event()  # whether this process runs a job


def marker(directory: Path) -> Path:
    """The file about the job with this run directory."""
    return directory.parent / FOLDER / f"{directory.name}.json"


def prune_file(directory: Path) -> Path:
    """The file that asks the job with this run directory to stop, because a search does not need it any more."""
    return directory.parent / FOLDER / f"{directory.name}.stop"


def is_pruned(directory: Path) -> bool:
    """Whether the job with this run directory was asked to stop by a search."""
    return prune_file(directory).exists()


def stop_file(sweep: Path) -> Path:
    """The file that asks the jobs of a sweep to stop."""
    return sweep / FOLDER / STOP


def read(path: Path) -> dict[str, Any]:
    """The content of a marker; empty if it does not exist, or is not what a job writes."""
    try:
        content = json.loads(files.read(path, most=LARGEST))
    except (OSError, ValueError, RecursionError, files.UnsafeFileError):
        return {}
    kinds = KINDS | (ENDED_KINDS if isinstance(content, dict) and "ended" in content else {})
    whole = isinstance(content, dict) and all(type(content.get(key)) in kind for key, kind in kinds.items())
    return content if whole else {}


def clear(path: Path) -> None:
    """Removes a file of the folder of markers.

    Raises:
        UnsafeFileError: it is a folder.
    """
    if path.is_dir() and not path.is_symlink():
        raise files.refused(path)
    path.unlink(missing_ok=True)


def beat(directory: Path) -> float:
    """When the job with this run directory last touched its marker, by the clock of the file system; 0 without one."""
    try:
        return marker(directory).stat().st_mtime
    except OSError:
        return 0.0


def in_the_sweeps_own_process() -> bool:
    """Whether the jobs run in the process of the sweep, as with hydra/launcher=basic."""
    return os.environ.get(SWEEP_PID) == str(os.getpid())


@contextmanager
def marked(directory: Path) -> Iterator[None]:
    """Marks the start and the end of a job, and lets signals and the stop file end it with its state saved.

    Raises:
        Interrupted: the stop file exists already, or a signal came.
    """
    place = marker(directory)
    stop = stop_file(directory.parent)
    if not place.parent.is_dir():  # started without a sweep, such as from a pickle file of Hydra
        yield
        return
    if stop.exists():
        raise Interrupted("the sweep was interrupted")
    about: dict[str, Any] = {"pid": os.getpid(), "host": socket.gethostname(), "started": time.time()}
    whole_file.write(place, json.dumps(about).encode())
    ended = threading.Event()
    busy.set()
    asking = [prune_file(directory), *([] if in_the_sweeps_own_process() else [stop])]
    threading.Thread(target=_watch, args=(place, asking, ended), daemon=True).start()
    code, why = 0, ""
    try:
        with handled(_interrupt):
            yield
    except BaseException as error:
        # a signal at some moments, such as while torch writes a file, becomes an error of another kind
        asked = stop.exists() or is_pruned(directory)
        code = Interrupted.exit_code if asked else int(getattr(error, "exit_code", 1))
        why = " ".join(str(error).split())
        raise
    finally:
        ended.set()
        whole_file.write(place, json.dumps({**about, "ended": time.time(), "code": code, "reason": why}).encode())
        busy.clear()


def _watch(place: Path, asking: Sequence[Path], ended: threading.Event) -> None:
    """Touches the marker regularly, and sends this process one signal when one of the files appears."""
    touched = time.monotonic()
    while not ended.wait(INTERVAL):
        if time.monotonic() - touched > BEAT:
            touched = time.monotonic()
            with contextlib.suppress(OSError):
                os.utime(place, follow_symlinks=False)
        if any(path.exists() for path in asking):
            os.kill(os.getpid(), signal.SIGTERM)
            return


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise Interrupted("interrupted")

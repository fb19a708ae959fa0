"""Files by which the jobs of a sweep and the sweep itself talk to each other, under every launcher.

``.jobs/NAME.json`` in the directory of the sweep says that a job has started, in which process, and how it has ended.
The file ``.jobs/stop`` asks all jobs to save their state and stop.
"""

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from vaerun import files
from vaerun.errors import Interrupted

FOLDER = ".jobs"
STOP = "stop"
LARGEST = 2**16  # bytes of what is known of a job
SWEEP_PID = "VAERUN_SWEEP_PID"  # the process of the sweep, for its jobs
INTERVAL = 0.3  # seconds between two looks at the stop file
ALWAYS = (signal.SIGINT, signal.SIGTERM)
SIGNALS = (*ALWAYS, signal.SIGHUP, signal.SIGUSR1)  # under nohup, SIGHUP is ignored and stays so

busy = threading.Event()  # whether this process runs a job


def marker(directory: Path) -> Path:
    """The file about the job with this run directory."""
    return directory.parent / FOLDER / f"{directory.name}.json"


def stop_file(sweep: Path) -> Path:
    """The file that asks the jobs of a sweep to stop."""
    return sweep / FOLDER / STOP


def read(path: Path) -> dict[str, Any]:
    """The content of a marker; empty if it does not exist."""
    try:
        content = json.loads(files.read(path, most=LARGEST))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


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
    files.write(place, json.dumps(about).encode())
    ended, before = threading.Event(), _handle_signals()
    busy.set()
    if not in_the_sweeps_own_process():
        threading.Thread(target=_watch, args=(stop, ended), daemon=True).start()
    code, why = 0, ""
    try:
        yield
    except BaseException as error:
        # a signal at some moments, such as while torch writes a file, becomes an error of another kind
        code = Interrupted.exit_code if stop.exists() else int(getattr(error, "exit_code", 1))
        why = " ".join(str(error).split())
        raise
    finally:
        ended.set()
        for number, handler in before.items():
            signal.signal(number, handler)
        files.write(place, json.dumps({**about, "ended": time.time(), "code": code, "reason": why}).encode())
        busy.clear()


def _watch(stop: Path, ended: threading.Event) -> None:
    """Sends this process one signal when the stop file appears."""
    while not ended.wait(INTERVAL):
        if stop.exists():
            os.kill(os.getpid(), signal.SIGTERM)
            return


def _handle_signals() -> dict[int, Any]:
    """Turns signals outside of training into Interrupted; the training has its own handler. Returns those before."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    before = {number: signal.getsignal(number) for number in SIGNALS}
    taken: dict[int, Any] = {
        number: handler for number, handler in before.items() if number in ALWAYS or handler is not signal.SIG_IGN
    }
    for number in taken:
        signal.signal(number, _interrupt)
    return taken


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise Interrupted("interrupted")

"""Watches the jobs of a sweep while a launcher runs them, and passes signals on to them."""

import os
import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from vaerun.errors import Interrupted
from vaerun.sweep import marker, progress
from vaerun.sweep.display import Display
from vaerun.sweep.job import Job
from vaerun.sweep.progress import RUNNING, State

INTERVAL = 0.4  # seconds between two looks at the jobs
PATIENCE = 2.0  # seconds without a running job after a signal, before the launcher is stopped


class Watch:
    """Looks at the jobs regularly, in a thread, and handles signals: the first asks all jobs to stop."""

    def __init__(self, jobs: Sequence[Job], states: list[State], display: Display, stop: Path) -> None:
        self.jobs, self.states, self.display, self.stop = jobs, states, display, stop
        self.asked = False
        self.place = {job.name: number for number, job in enumerate(jobs)}
        self.ended = threading.Event()
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self._look_regularly, daemon=True)
        self.before: dict[int, Any] = {}

    def __enter__(self) -> "Watch":
        if threading.current_thread() is threading.main_thread():
            for number in marker.SIGNALS:
                handler = signal.getsignal(number)
                if number in marker.ALWAYS or handler is not signal.SIG_IGN:
                    self.before[number] = handler
                    signal.signal(number, self._signalled)
        self.display.start()
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.ended.set()
        self.thread.join()
        for number, handler in self.before.items():
            signal.signal(number, handler)
        self.look()

    def state(self, job: Job) -> State:
        """The state of a job, as last seen."""
        return self.states[self.place[job.name]]

    def look(self) -> None:
        """Reads the states of all jobs and shows them."""
        with self.lock:
            for number, job in enumerate(self.jobs):
                if not self.states[number].earlier:
                    self.states[number] = progress.state(job)
            self.display.update(self.states)

    def wait(self, jobs: Sequence[Job]) -> None:
        """Returns when none of the jobs is running."""
        self.look()
        while any(self.state(job).status == RUNNING for job in jobs):
            time.sleep(INTERVAL)

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise Interrupted("interrupted")
        self.asked = True
        self.stop.touch()

    def _look_regularly(self) -> None:
        quiet = 0.0
        while not self.ended.wait(INTERVAL):
            self.look()
            running = any(state.status == RUNNING for state in self.states)
            quiet = quiet + INTERVAL if self.asked and not running else 0.0
            if quiet > PATIENCE and not self.ended.is_set():
                os.kill(os.getpid(), signal.SIGINT)  # the launcher would go on with the jobs that have not started
                return

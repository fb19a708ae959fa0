"""Watches the jobs of a sweep while a launcher runs them, and passes signals on to them."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from vaerun.errors import Interrupted
from vaerun.sweep import marker, progress
from vaerun.sweep.display import Display
from vaerun.sweep.job import Job
from vaerun.sweep.progress import RUNNING, State
from vaerun.system import files
from vaerun.system.signals import handled

INTERVAL = 0.4  # seconds between two looks at the jobs
SILENCE = 180.0  # seconds after which a job on another machine counts as lost, when its launcher has ended
PATIENCE = 2.0  # seconds without a running job after a signal, before the launcher is stopped


class Watch:
    """Looks at the jobs regularly, in a thread, and handles signals: the first asks all jobs to stop.

    Args:
        jobs: all jobs of the sweep.
        states: of the jobs.
        display: shows the states.
        stop: the stop file of the sweep.
        then: is called after each look.
    """

    def __init__(
        self,
        jobs: list[Job],
        states: list[State],
        display: Display,
        stop: Path,
        *,
        then: Callable[[], None] = lambda: None,
    ) -> None:
        self.then = then
        self.jobs, self.states, self.display, self.stop = jobs, states, display, stop
        self.asked = False
        self.place = {job.name: number for number, job in enumerate(jobs)}
        self.ended = threading.Event()
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self._look_regularly, daemon=True)
        self.signals = handled(self._signalled)

    def __enter__(self) -> "Watch":
        self.signals.__enter__()
        self.display.start()
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.ended.set()
        self.thread.join()
        self.signals.__exit__(None, None, None)
        self.look()

    def state(self, job: Job) -> State:
        """The state of a job, as last seen."""
        return self.states[self.place[job.name]]

    def add(self, job: Job, state: State) -> None:
        """One more job."""
        with self.lock:
            self.place[job.name] = len(self.jobs)
            self.jobs.append(job)
            self.states.append(state)

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
        beats: dict[str, tuple[float, float]] = {}  # the last beat of each job, and when it was seen here
        while running := [job for job in jobs if self.state(job).status == RUNNING]:
            for job in running:
                beat, now = marker.beat(job.directory), time.monotonic()
                if beats.get(job.name, (None, 0.0))[0] != beat:
                    beats[job.name] = (beat, now)
                elif now - beats[job.name][1] > SILENCE:
                    marker.marker(job.directory).unlink(missing_ok=True)
                    self.display.say(f"[{job.label}] its machine has given no sign of life for {SILENCE:g} s")
                    self.look()
            time.sleep(INTERVAL)

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise Interrupted("interrupted")
        self.asked = True
        with contextlib.suppress(FileExistsError):
            files.open_new(self.stop).close()

    def _look_regularly(self) -> None:
        quiet = 0.0
        while not self.ended.wait(INTERVAL):
            self.look()
            self.then()
            running = any(state.status == RUNNING for state in self.states)
            quiet = quiet + INTERVAL if self.asked and not running else 0.0
            if quiet > PATIENCE and not self.ended.is_set():
                os.kill(os.getpid(), signal.SIGINT)  # the launcher would go on with the jobs that have not started
                return

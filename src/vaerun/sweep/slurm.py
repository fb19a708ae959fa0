"""Jobs of a sweep on a Slurm cluster: how a stopped job returns to the queue, and when a job is over."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SECONDS = 30  # between two questions to the queue, at most


def in_job() -> bool:
    """Whether this process runs a job that submitit gave to Slurm."""
    return os.environ.get("SUBMITIT_EXECUTOR") == "slurm" and "SLURM_JOB_ID" in os.environ


def enter() -> None:
    """Takes away submitit's handler of SIGCONT, which Slurm sends before SIGTERM: it would only log a warning."""
    if in_job() and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGCONT, signal.SIG_DFL)


def leave() -> None:
    """Ends the process of a job whose state is saved, so that Slurm starts it again unless it was cancelled.

    Slurm sends SIGUSR2 before the end of the time limit, and SIGTERM to a job that must make room for another one, is
    requeued, or was cancelled by scancel. In the first two cases it still counts as running, and would not be queued
    again if it ended by itself; so it asks for that, by submitit. In the others, Slurm has already decided. It leaves
    no result behind, by which submitit would take it for finished.
    """
    number = getattr(signal, f"SIG{os.environ.get('SUBMITIT_PREEMPT_SIGNAL', 'USR2')}")
    requeue = signal.getsignal(number)
    if callable(requeue) and _state() == "RUNNING":
        requeue(number, None)
    sys.exit(1)


def _state() -> str:
    command = ["squeue", "--noheader", "--format=%T", f"--jobs={os.environ['SLURM_JOB_ID']}"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


@contextmanager
def patient() -> Iterator[None]:
    """Lets submitit wait for all jobs, also if one of them is lost, and ask squeue for their states.

    submitit itself raises an exception at the first lost job, and needs sacct, which many clusters do not have.
    """
    from submitit.core.utils import FailedJobError, UncompletedJobError
    from submitit.slurm.slurm import SlurmExecutor, SlurmInfoWatcher, SlurmJob

    class Queue(SlurmInfoWatcher):
        """The states of all jobs by squeue; a job that it does not list any more is over."""

        def _make_command(self) -> list[str] | None:
            if not self._registered - self._finished:
                return None
            return ["squeue", "--me", "--states=all", "--array", "--noheader", "--format=%i|%T|%N"]

        def read_info(self, string: bytes | str) -> dict[str, dict[str, str]]:
            text = string.decode() if isinstance(string, bytes) else string
            listed = dict(super().read_info("JobID|State|NodeList\n" + text))
            return {job: {"State": "GONE"} for job in self._registered - self._finished} | listed

    class Patient(SlurmJob[Any]):
        """A job whose loss is no exception: the sweep sees it by the job's marker."""

        watcher = Queue(delay_s=SECONDS)
        _results_timeout_s = 5

        def results(self) -> list[Any]:
            try:
                return list(super().results())
            except (UncompletedJobError, FailedJobError):
                return [None]

    before = SlurmExecutor.job_class
    SlurmExecutor.job_class = Patient
    try:
        yield
    finally:
        SlurmExecutor.job_class = before

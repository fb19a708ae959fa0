"""The files by which a job tells the sweep how it ended, and the sweep asks it to stop."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from vaerun.errors import DivergedError, Interrupted
from vaerun.sweep import marker
from vaerun.sweep.job import Job
from vaerun.sweep.progress import State, state
from vaerun.system.signals import ASKING


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A job in a sweep that has started."""
    (tmp_path / marker.FOLDER).mkdir()
    return Job((), OmegaConf.create({}), directory=tmp_path / "run")


def status(job: Job) -> tuple[str, str]:
    """The status and the reason of a job."""
    found: State = state(job)
    return found.status, found.reason


def test_a_job_is_waiting_then_running_then_ended(job: Job) -> None:
    assert status(job) == ("waiting", "")
    with marker.marked(job.directory):
        assert status(job) == ("running", "")
    assert status(job) == ("completed", "")


@pytest.mark.parametrize(
    ("error", "expected"), [(DivergedError("nan."), ("failed", "nan.")), (Interrupted("saved"), ("stopped", "saved"))]
)
def test_the_marker_says_why_a_job_ended(job: Job, error: BaseException, expected: tuple[str, str]) -> None:
    with pytest.raises(type(error)), marker.marked(job.directory):
        raise error
    assert status(job) == expected


def test_a_job_does_not_start_after_the_stop_file(job: Job, tmp_path: Path) -> None:
    marker.stop_file(tmp_path).touch()
    with pytest.raises(Interrupted), marker.marked(job.directory):
        raise AssertionError
    assert status(job) == ("waiting", "")


@pytest.mark.parametrize("number", ASKING)
def test_signals_interrupt_a_job_and_are_as_before_afterwards(job: Job, number: int) -> None:
    if signal.getsignal(number) is signal.SIG_IGN:  # as SIGHUP under nohup, which a job leaves so
        pytest.skip("this signal is ignored here")
    before = signal.getsignal(number)
    with pytest.raises(Interrupted), marker.marked(job.directory):
        os.kill(os.getpid(), number)
    assert signal.getsignal(number) == before


def test_a_killed_job_is_lost_and_a_stop_file_ends_a_job_in_another_process(job: Job, tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from vaerun.sweep.marker import marked\n"
        f"with marked(Path({str(job.directory)!r})): print('in', flush=True); time.sleep(60)"
    )
    for end, expected in (("kill", "lost"), ("stop", "stopped")):
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert process.stdout is not None
        process.stdout.readline()
        assert state(job).status == "running"
        if end == "kill":
            process.kill()
        else:
            marker.stop_file(tmp_path).touch()
        process.wait(timeout=30)
        process.stdout.close()
        assert state(job).status == expected

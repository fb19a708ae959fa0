"""Jobs of Slurm, with commands in the place of Slurm's own; docs/clusters.md records runs with a real Slurm."""

import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from vaerun.command import job as command_job
from vaerun.errors import Interrupted
from vaerun.sweep import marker, slurm

PREEMPTED, CANCELLED = "RUNNING", "COMPLETING"  # what squeue says while Slurm's SIGTERM is handled


def tool(folder: Path, name: str, script: str) -> None:
    """A command of Slurm."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of commands in PATH, and the environment of a job that submitit has given to Slurm."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("SUBMITIT_EXECUTOR", "slurm")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    return tmp_path


@pytest.mark.parametrize(("state", "times"), [(PREEMPTED, 1), (CANCELLED, 0)])
def test_a_job_that_still_counts_as_running_asks_to_be_queued_again(
    state: str, times: int, queue: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool(queue, "squeue", f'[ "$3" = --jobs=7 ] && echo {state}')
    asked: list[int] = []
    monkeypatch.setattr(signal, "getsignal", lambda number: lambda *about: asked.append(about[0]))
    with pytest.raises(SystemExit):
        slurm.leave()
    assert asked == [signal.SIGUSR2] * times


@pytest.mark.parametrize("stopped", [False, True])
def test_an_interrupted_job_leaves_no_result_unless_its_sweep_was_interrupted(
    stopped: bool, queue: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool(queue, "squeue", "echo COMPLETING")
    run = queue / "s" / "run"
    (run.parent / marker.FOLDER).mkdir(parents=True)
    monkeypatch.setattr(signal, "signal", lambda *about: None)

    def interrupted(*about: Any, live: bool) -> None:
        if stopped:
            marker.stop_file(run.parent).touch()
        raise Interrupted("saved")

    monkeypatch.setattr(command_job, "run", interrupted)
    with pytest.raises(command_job.JobFailed if stopped else SystemExit):
        command_job.task_of_sweep(None, run)  # type: ignore[arg-type]
    assert marker.read(marker.marker(run))["code"] == 130


CODE = """
import sys
from submitit.slurm.slurm import SlurmExecutor
from vaerun.sweep.slurm import patient
with patient():
    job = SlurmExecutor.job_class(folder=sys.argv[1], job_id="7_0")
    other = SlurmExecutor.job_class(folder=sys.argv[1], job_id="7_1")
    job._results_timeout_s = 0
    print(job.state, other.state, job.done(), other.done(), job.results())
print(SlurmExecutor.job_class.__name__)
"""


@pytest.mark.skipif(importlib.util.find_spec("submitit") is None, reason="submitit is not installed")
def test_the_queue_says_which_jobs_are_over_and_a_lost_one_is_no_exception(queue: Path) -> None:
    tool(queue, "squeue", "echo '7_1|PENDING|'")
    tool(queue, "sacct", "exit 1")
    words = [sys.executable, "-c", CODE, str(queue)]
    ran = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout == "GONE PENDING True False [None]\nSlurmJob\n"
    assert ran.stderr == ""

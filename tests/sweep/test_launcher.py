"""Sweeps from the shell, with real runs: every launcher, killed jobs, and interruptions."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.runs import TINY, summary
from vaerun.sweep.marker import FOLDER

pytestmark = pytest.mark.slow

PACKAGES = {
    "processes": None,
    "basic": None,
    "joblib": "hydra_plugins.hydra_joblib_launcher",
    "submitit_local": "hydra_plugins.hydra_submitit_launcher",
}


def command(*words: str) -> list[str]:
    """The command line of a sweep in the folder s."""
    return [sys.executable, "-m", "vaerun", "sweep", *TINY, "hydra.sweep.dir=s", *words]


def runs(folder: Path) -> list[Path]:
    """The run directories of the sweep."""
    return sorted(path.parent for path in (folder / "s").glob("*/config.yaml"))


def markers(folder: Path) -> Iterator[dict[str, Any]]:
    """What the jobs of the sweep have written about themselves."""
    for path in sorted((folder / "s" / FOLDER).glob("*.json")):
        yield json.loads(path.read_text())


def recorded(folder: Path) -> int:
    """How many runs have recorded a step."""
    return sum(path.stat().st_size > 0 for path in (folder / "s").glob("*/metrics.jsonl"))


def until(condition: Callable[[], Any], process: subprocess.Popen[str]) -> None:
    """Returns when the condition holds."""
    for _ in range(1200):
        if condition():
            return
        assert process.poll() is None, process.stderr and process.stderr.read()
        time.sleep(0.05)
    raise AssertionError("it did not happen within a minute")


@pytest.mark.parametrize("launcher", PACKAGES)
def test_every_launcher_runs_a_sweep_and_skips_it_the_second_time(launcher: str, tmp_path: Path) -> None:
    package = PACKAGES[launcher]
    if package is not None and (find_spec("hydra_plugins") is None or find_spec(package) is None):
        pytest.skip(f"{package} is not installed")
    words = command("seed=0,1", f"hydra/launcher={launcher}")
    ran = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert [summary(run)["status"] for run in runs(tmp_path)] == ["completed"] * 2
    for seed in (0, 1):
        assert f"[seed={seed}] started\n" in ran.stderr
        assert f"[seed={seed}] completed  elbo/test -" in ran.stderr
    assert "is the only configuration with a test ELBO" in ran.stdout
    again = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert again.returncode == 0
    assert "started" not in again.stderr
    assert again.stdout == ran.stdout


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a sweep; it is killed at the end of a test that failed."""
    started = []

    def begin(*words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            command(*words), cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def test_a_killed_job_goes_on_and_the_other_jobs_do_not_notice(start: Any, tmp_path: Path) -> None:
    process = start("seed=0,1", "trainer.epochs=60", "trainer.checkpoints.seconds=0.1", "hydra.launcher.n_jobs=2")
    until(lambda: recorded(tmp_path) == 2, process)
    victim, other = markers(tmp_path)
    os.kill(victim["pid"], signal.SIGKILL)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "its process was killed" in err
    assert [summary(run)["status"] for run in runs(tmp_path)] == ["completed"] * 2
    assert next(iter(markers(tmp_path)))["pid"] != victim["pid"]
    assert list(markers(tmp_path))[1]["pid"] == other["pid"]
    for run in runs(tmp_path):
        steps = [json.loads(line)["step"] for line in (run / "metrics.jsonl").read_text().splitlines()]
        assert steps == sorted(steps), "no record is there twice"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])  # the others: tests/sweep/test_marker.py
def test_a_signal_ends_a_sweep_with_all_states_saved(number: int, start: Any, tmp_path: Path) -> None:
    process = start("seed=0,1,2", "trainer.epochs=100000", "hydra.launcher.n_jobs=2")
    until(lambda: recorded(tmp_path) == 2, process)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "2 stopped with their state saved, 1 has not started; continue with: vaerun sweep s" in err
    assert [summary(run)["status"] for run in runs(tmp_path)] == ["interrupted"] * 2
    assert len(list((tmp_path / "s").glob("*/checkpoints/last.pt"))) == 2


def test_jobs_end_with_their_state_saved_when_the_sweep_itself_is_killed(start: Any, tmp_path: Path) -> None:
    process = start("seed=0,1", "trainer.epochs=100000", "hydra.launcher.n_jobs=2")
    until(lambda: recorded(tmp_path) == 2, process)
    process.kill()
    process.wait()
    for _ in range(600):
        if all("ended" in about for about in markers(tmp_path)):
            break
        time.sleep(0.05)
    assert [summary(run)["status"] for run in runs(tmp_path)] == ["interrupted"] * 2


def test_a_job_whose_process_is_killed_each_time_fails_and_the_others_are_completed(tmp_path: Path) -> None:
    (tmp_path / "fatal.py").write_text(
        "import os\nfrom vaerun.data.digits import Digits\n\n\nclass Fatal(Digits):\n"
        "    def __init__(self, **keys):\n        open('starts', 'a').write('x')\n        os.kill(os.getpid(), 9)\n"
    )
    (tmp_path / "conf" / "data").mkdir(parents=True)
    (tmp_path / "conf" / "data" / "fatal.yaml").write_text("_target_: fatal.Fatal\n")
    ran = subprocess.run(
        command("data=fatal,digits", "trust=fatal"), cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 1, ran.stderr
    assert "1 of 2 jobs failed:\n  data=fatal: its process was killed 3 times" in ran.stderr
    assert "data=fatal hydra.run.dir=" in ran.stderr
    assert ran.stderr.count("trust=fatal") == 3  # in every command that continues the sweep
    assert (tmp_path / "starts").read_text() == "xxx"
    assert {summary(run)["status"] for run in runs(tmp_path)} == {"failed", "completed"}

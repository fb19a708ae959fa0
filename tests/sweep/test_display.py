"""What a sweep shows, and where it reads it."""

import json
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from vaerun.sweep.display import Display, clock
from vaerun.sweep.job import Job
from vaerun.sweep.progress import COMPLETED, FAILED, RUNNING, WAITING, State, position


def job(directory: Path, label: str = "seed=1", **trainer: float) -> Job:
    """A job with a run directory."""
    directory.mkdir()
    return Job((label,), OmegaConf.create({"trainer": {"batch_size": 10, **trainer}}), label, directory=directory)


def record(job: Job, **values: float | None) -> None:
    """Appends a record to metrics.jsonl."""
    with (job.directory / "metrics.jsonl").open("a") as file:
        file.write(json.dumps(values) + "\n")


def test_the_position_is_that_of_the_last_record(tmp_path: Path) -> None:
    one = job(tmp_path / "a", epochs=10)
    assert position(one).left is None
    record(one, step=10, epoch=1, seconds=4.0, train_seconds=2.0, **{"elbo/valid": -30.0, "elbo/train": -29.0})
    record(one, step=20, epoch=2, seconds=8.0, train_seconds=4.0, **{"elbo/train": -28.0})
    with (one.directory / "metrics.jsonl").open("a") as file:
        file.write('{"step": 3')  # half-written
    at = position(one)
    assert (at.epoch, at.epochs, at.bound, at.value) == (2, 10, "elbo/valid", -30.0)
    assert at.speed == 20 * 10 / 4
    assert at.left == pytest.approx(8.0 * 4)  # a fifth took 8 seconds


def test_a_limit_of_seconds_shortens_the_time_that_is_left(tmp_path: Path) -> None:
    one = job(tmp_path / "a", epochs=1000, max_seconds=8)
    record(one, step=20, epoch=2, seconds=5.0, train_seconds=4.0)
    assert position(one).left == pytest.approx(5.0)


def test_without_a_terminal_each_event_is_one_line_with_the_name_of_its_job(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs = [job(tmp_path / "a", "seed=1"), job(tmp_path / "b", "seed=2"), job(tmp_path / "c", "seed=3")]
    (tmp_path / "a" / "summary.json").write_text('{"status": "completed", "metrics": {"elbo/test": -23.456}}')
    log = tmp_path / "b" / "log.txt"
    log.write_text("2026-11-28 10:00:00,000 WARNING vaerun: said by an earlier sweep.\n")
    display = Display(jobs, parallel=2)
    with log.open("a") as file:
        file.write("2026-11-28 10:00:00,000 INFO vaerun: epoch 1\n2026-11-28 10:00:00,000 WARNING vaerun: collapsed.\n")
    display.update([State(RUNNING), State(RUNNING), State(COMPLETED, earlier=True)])
    display.update([State(COMPLETED, seconds=7), State(RUNNING), State(COMPLETED, earlier=True)])
    display.update([State(COMPLETED, seconds=7), State(FAILED, "nan.", 8), State(COMPLETED, earlier=True)])
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "[seed=1] started"
    assert lines.index("[seed=2] collapsed.") < lines.index("[seed=2] started")
    assert [line for line in lines if "completed  elbo/test -23.46  (0:07; 2 of 3 jobs completed, 1 running" in line]
    assert lines[-1].startswith("[seed=2] failed: nan.  (0:08; 2 of 3 jobs completed, 1 failed")
    assert len(lines) == 5


def test_the_time_left_counts_the_jobs_that_wait(tmp_path: Path) -> None:
    display = Display([job(tmp_path / str(n)) for n in range(5)], parallel=2)
    assert display.left() is None
    display.states = [State(COMPLETED, seconds=10), State(RUNNING, seconds=4), *[State(WAITING)] * 3]
    assert display.left() == (3 * 10 + 6) / 2


def test_a_clock() -> None:
    assert [clock(seconds) for seconds in (7, 750, 11100)] == ["0:07", "12:30", "3:05:00"]

"""A fault of the machine in the middle of a run: one sentence with step and remedy, and nothing lost."""

import errno
import logging
import os
import shlex
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

import vaerun
from tests.runs import equal, records, state, summary, train
from vaerun.errors import RunError, UserError
from vaerun.tracking.event_file import EventFile
from vaerun.tracking.jsonl import Jsonl


def at_record(count: int, action: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Does something before a record is written."""
    original, left = Jsonl.scalars, count

    def scalars(self: Jsonl, step: int, values: Mapping[str, float]) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            action()
        original(self, step, values)

    monkeypatch.setattr(Jsonl, "scalars", scalars)


def full() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "metrics.jsonl")


def test_a_full_disk_is_a_sentence_and_the_run_goes_on(tmp_path: Path) -> None:
    train(tmp_path / "whole")
    run = tmp_path / "a run"
    with pytest.MonkeyPatch.context() as monkeypatch:
        at_record(4, full, monkeypatch)
        with pytest.raises(
            RunError, match=r"the disk is full .*stopped after step 8, .* checkpoint is of step \d+.*resume="
        ):
            train(run, "trainer.checkpoints.seconds=0")
    assert summary(run)["status"] == "failed"
    reason = summary(run)["reason"]
    assert "the disk is full" in reason
    assert shlex.split(reason.partition("continue with: ")[2]) == ["vaerun", "train", f"resume={run}"]
    train(run, "trainer.checkpoints.seconds=0")
    assert records(run) == records(tmp_path / "whole")
    for name in ("last", "best"):
        assert equal(state(run, name), state(tmp_path / "whole", name))


@pytest.mark.parametrize("renamed", [True, False])
def test_a_directory_that_vanishes_is_not_made_again(
    renamed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    at_record(4, lambda: run.rename(tmp_path / "moved") if renamed else shutil.rmtree(run), monkeypatch)
    with pytest.raises(RunError, match=r"run was removed or renamed during training; the run stopped after step 8"):
        train(run, "trainer.checkpoints.seconds=0")
    assert not run.exists()
    if renamed:
        monkeypatch.undo()
        assert train(tmp_path / "moved", "trainer.checkpoints.seconds=0")["status"] == "completed"


def test_memory_that_is_refused_says_the_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise MemoryError("Unable to allocate 5.84 GiB for an array")

    at_record(3, refuse, monkeypatch)
    with pytest.raises(RunError, match=r"out of memory: .* needs 6\.27 GB .* the run stopped after step 6\."):
        train(tmp_path)


def test_tensorboard_cannot_stop_a_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(self: EventFile, event: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    train(tmp_path / "whole")
    monkeypatch.setattr(EventFile, "write", refuse)
    with caplog.at_level(logging.WARNING):
        train(tmp_path / "run")
    assert records(tmp_path / "run") == records(tmp_path / "whole")
    assert caplog.text.count("tracking=tensorboard gets no further records") == 1


def test_a_bug_stays_a_bug(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at_record(2, lambda: [][1], monkeypatch)
    with pytest.raises(IndexError):
        train(tmp_path)
    assert summary(tmp_path)["reason"].startswith("IndexError")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"data": 5}', '{"status": "completed", "checksum": "0"}'])
def test_an_odd_summary_stops_nothing_and_is_said(text: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    train(tmp_path)
    (tmp_path / "summary.json").write_text(text)
    vaerun.load(tmp_path)
    assert "summary.json" in caplog.text
    said = train(tmp_path)
    assert said["status"] == "completed"


@pytest.mark.parametrize("name", ["config.yaml", "summary.json"])
def test_a_changed_digit_is_said(name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    train(tmp_path)
    caplog.clear()
    vaerun.load(tmp_path)
    assert not caplog.text
    path = tmp_path / name
    path.write_text(path.read_text().replace("200", "201"))
    vaerun.load(tmp_path)
    assert f"{path} was changed" in caplog.text


def test_a_place_that_cannot_be_written_is_a_users_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, **_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(UserError, match=r"the file system is read-only .*choose another directory"):
        train(tmp_path / "run")

"""A log that cannot be written stops nothing."""

import logging
from pathlib import Path

import pytest

from vaerun.system.log_file import LogFile


@pytest.mark.parametrize("place", ["folder", "/dev/full"])
def test_it_says_once_that_it_cannot_write(
    place: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [caplog.handler])  # without handlers of closed streams
    path = tmp_path / place if place == "folder" else Path(place)
    if place == "folder":
        path.mkdir()
    handler = LogFile(str(path))
    for number in range(3):
        handler.emit(logging.LogRecord("x", logging.INFO, "", 0, f"message {number}", None, None))
    handler.close()
    assert caplog.text.count("gets no further messages") == 1
    assert "Traceback" not in capsys.readouterr().err


def test_it_writes(tmp_path: Path) -> None:
    handler = LogFile(str(tmp_path / "log.txt"))
    handler.emit(logging.LogRecord("x", logging.INFO, "", 0, "message", None, None))
    handler.close()
    assert (tmp_path / "log.txt").read_text() == "message\n"

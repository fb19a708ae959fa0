"""Every error of the system becomes place, cause and remedy; the exit code says who is to act."""

import errno
import os
from pathlib import Path

import pytest

from vaerun.config.error_message import explain
from vaerun.system.fault import CAUSES, fault_of


@pytest.mark.parametrize("number", sorted(errno.errorcode))
def test_every_error_of_the_system_is_a_sentence(number: int) -> None:
    error = OSError(number, os.strerror(number), "place/file")
    told = explain(error)
    assert told is not None
    sentence, code = told
    assert "place/file" in sentence or number in (errno.ENOMEM, errno.EEXIST, errno.ENOTDIR)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert code in (1, 2)


@pytest.mark.parametrize(
    ("number", "cause", "remedy", "code"),
    [
        (errno.ENOSPC, "the disk is full", "free some space", 1),
        (errno.EFBIG, "size limit", "ulimit -f", 1),
        (errno.EMFILE, "too many open files", "ulimit -n", 1),
        (errno.EROFS, "read-only", "choose another place", 2),
        (errno.EACCES, "no permission", "choose another place", 2),
    ],
)
def test_the_cause_and_the_remedy_are_those_of_the_error(number: int, cause: str, remedy: str, code: int) -> None:
    fault = fault_of(OSError(number, os.strerror(number), "x"))
    assert fault is not None
    assert cause in fault.what
    assert remedy in fault.remedy
    assert fault.code == code


def test_an_error_of_a_library_is_known_by_the_words_of_the_system() -> None:
    fault = fault_of(ImportError("libx.so: cannot open shared object file: Too many open files"))
    assert fault is not None
    assert "ulimit -n" in fault.remedy
    assert fault_of(RuntimeError("a bug")) is None


def test_a_current_folder_that_is_gone_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    fault = fault_of(FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)))
    assert fault is not None
    assert "current folder was removed" in fault.what
    assert fault.code == 2


def test_the_table_has_no_cause_without_a_remedy() -> None:
    assert all(cause and remedy and code in (1, 2) for cause, remedy, code in CAUSES.values())

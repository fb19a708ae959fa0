"""One process at a time; and file systems that have no locks."""

import errno
import fcntl
import os
from pathlib import Path

import pytest

from vaerun.system.files import UnsafeFileError
from vaerun.system.lock import FileLock


def test_a_second_lock_is_refused_until_the_first_is_released(tmp_path: Path) -> None:
    one, other = FileLock(tmp_path / "l"), FileLock(tmp_path / "l")
    assert one.acquire()
    assert not other.acquire()
    one.release()
    assert other.acquire()
    other.release()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_without_locks_it_goes_on_and_says_so(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with FileLock(tmp_path / "l") as lock:
        assert lock.acquire()
        assert not lock.works


def test_another_error_of_the_lock_is_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(OSError, match="rror"):
        FileLock(tmp_path / "l").acquire()


def test_a_link_is_not_followed_and_a_file_is_not_emptied(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "l").symlink_to(tmp_path / "victim")
    with pytest.raises(UnsafeFileError, match="is a symbolic link"):
        FileLock(tmp_path / "l").acquire()
    assert (tmp_path / "victim").read_text() == "precious"

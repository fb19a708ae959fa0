"""A file is the old one or the new one, never half of one."""

import errno
import os
from pathlib import Path

import pytest

from vaerun.system.files import named
from vaerun.system.whole_file import append_line, replacing, write


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_new_file_takes_the_place_of_the_old(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write(path, b"old")
    with replacing(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == {"a"}


@pytest.mark.parametrize("place", ["write", "fsync"])
def test_after_an_error_all_is_as_it_was(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "a"
    write(path, b"old")
    if place == "fsync":
        monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as told, replacing(path, before=tmp_path / "b") as file:  # noqa: PT012
        file.write(b"new")
        if place == "write":
            full()
    assert told.value.filename == str(path)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == {"a"}


@pytest.mark.parametrize("links", [True, False])
def test_the_file_before_is_kept(links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "no links here")

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    path, before = tmp_path / "a", tmp_path / "a.previous"
    for content in (b"1", b"2", b"3"):
        with replacing(path, before=before) as file:
            file.write(content)
    assert (path.read_bytes(), before.read_bytes()) == (b"3", b"2")
    assert names(tmp_path) == {"a", "a.previous"}


def test_an_equal_file_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write(path, b"x")
    number = path.stat().st_ino
    write(path, b"x")
    assert path.stat().st_ino == number
    write(path, b"y")
    assert path.stat().st_ino != number


@pytest.mark.parametrize(("before", "after"), [(b"", b"new\n"), (b"a\n", b"a\nnew\n"), (b"a\nhal", b"a\nhal\nnew\n")])
def test_a_line_starts_on_a_line_of_its_own(before: bytes, after: bytes, tmp_path: Path) -> None:
    (tmp_path / "lines").write_bytes(before)
    append_line(tmp_path / "lines", "new")
    assert (tmp_path / "lines").read_bytes() == after


def test_an_error_that_has_a_name_keeps_it() -> None:
    with pytest.raises(OSError, match="other") as told, named(Path("place")):
        raise OSError(errno.EIO, "bad", "other")
    assert told.value.filename == "other"

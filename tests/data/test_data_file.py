"""A data file can be anything: a pipe, a device, a loop, a file that grows; each is one sentence, and none blocks."""

import os
import socket
import threading
from pathlib import Path

import pytest

from vaerun.data import data_file as module
from vaerun.data.data_file import DamagedFileError, TooLargeError, data_file, fill, refuse_too_large
from vaerun.errors import UserError


def read(path: Path) -> bytes:
    with data_file(path, remedy="look again") as file:
        return file.stream.read(file.size)


def test_a_regular_file_is_read_also_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert read(tmp_path / "a") == read(tmp_path / "link") == b"abc"


@pytest.mark.parametrize(
    ("make", "cause"),
    [
        (lambda path: None, "it does not exist"),
        (os.mkfifo, "it is a pipe, not a regular file"),
        (os.mkdir, "it is a folder, not a regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "it is a device, not a regular file"),
        (lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
        (lambda path: socket.socket(socket.AF_UNIX).bind(os.path.relpath(path)), "it is a socket, not a regular file"),
    ],
)
def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path, monkeypatch, make, cause: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.warns(ResourceWarning) if "socket" in cause else _nothing():
        make(tmp_path / "a")
    with pytest.raises(UserError, match=rf"^/.*/a cannot be used, because {cause}: look again\.$"):
        read(tmp_path / "a")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            PermissionError(13, "Permission denied"),
            r"Permission denied: allow your user to read it, .*chmod u\+r",
        ),
        (MemoryError(), r"do not fit into memory .*: use a file with fewer points"),
        (TooLargeError("it needs 8 GB"), r"because it needs 8 GB: use a file with fewer points"),
        (DamagedFileError("it is cut off"), r"because it is cut off: look again\.$"),
    ],
)
def test_the_remedy_is_that_of_the_cause(tmp_path: Path, error: Exception, sentence: str) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(UserError, match=sentence), data_file(tmp_path / "a", remedy="look again"):
        raise error


class _nothing:  # noqa: N801 - a context
    def __enter__(self) -> None: ...
    def __exit__(self, *error: object) -> None: ...


def test_a_file_that_becomes_a_pipe_after_it_was_looked_at_is_refused(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    looked = (tmp_path / "a").stat()
    (tmp_path / "a").unlink()
    os.mkfifo(tmp_path / "a")
    monkeypatch.setattr(Path, "stat", lambda self: looked)
    said: list[str] = []

    def attempt() -> None:
        try:
            read(tmp_path / "a")
        except UserError as error:
            said.append(str(error))

    reader = threading.Thread(target=attempt, daemon=True)
    reader.start()
    reader.join(10)
    assert "a pipe" in said[0]


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    with (
        pytest.raises(UserError, match="because another program changed it while it was read"),
        data_file(path, remedy="look again"),
        path.open("ab") as other,
    ):
        other.write(b"more")


@pytest.mark.parametrize("error", [ValueError("odd\nlines"), KeyError(), RecursionError("deep"), NotImplementedError()])
def test_any_error_of_a_decoder_is_one_sentence_that_names_the_file(tmp_path: Path, error: Exception) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    with (
        pytest.raises(
            UserError, match=r"^\S+/a cannot be used, because it is damaged or cut off \(.+\): look again\.$"
        ),
        data_file(tmp_path / "a", remedy="look again"),
    ):
        raise error


def test_what_does_not_fit_into_memory_is_refused_before_it_is_allocated(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(module, "free_memory", lambda: 1000)
    refuse_too_large(125, 4)
    with pytest.raises(
        TooLargeError, match="its 126 values need about 1,008 bytes of memory, and 1,000 bytes are free"
    ):
        refuse_too_large(126, 4)
    (tmp_path / "a").write_bytes(b"abc")
    sentence = r"do not fit into memory \(1,000 bytes are free\)"
    with pytest.raises(UserError, match=sentence), data_file(tmp_path / "a", remedy="look again"):
        raise MemoryError


def test_a_stream_is_read_until_memory_is_full_or_it_ends(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abcdef")
    memory = bytearray(4)
    with (tmp_path / "a").open("rb") as stream:
        assert fill(stream, memoryview(memory)) == 4
        assert bytes(memory) == b"abcd"
        assert fill(stream, memoryview(memory)) == 2

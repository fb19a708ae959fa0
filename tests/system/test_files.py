"""Files of a run: no link is followed, no pipe is waited for, no file is half-written."""

import os
import socket
from pathlib import Path

import pytest

from vaerun.system import files, whole_file
from vaerun.system.files import UnsafeFileError

OPENERS = {"read": files.open_to_read, "append": whole_file.open_to_append}


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A file outside of the run."""
    path = tmp_path / "victim"
    path.write_bytes(b"precious")
    return path


@pytest.fixture
def run(tmp_path: Path) -> Path:
    path = tmp_path / "run"
    path.mkdir()
    return path


def odd(run: Path, kind: str, victim: Path) -> Path:
    """Something in the run that is no regular file."""
    path = run / "metrics.jsonl"
    if kind == "link":
        path.symlink_to(victim)
    elif kind == "dangling link":
        path.symlink_to(victim.with_name("new"))
    elif kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    return path


@pytest.mark.parametrize("kind", ["link", "dangling link", "folder", "pipe", "device"])
@pytest.mark.parametrize("opener", OPENERS)
def test_only_regular_files_are_opened(run: Path, victim: Path, kind: str, opener: str) -> None:
    with pytest.raises(UnsafeFileError, match=r"metrics\.jsonl is a "):
        OPENERS[opener](odd(run, kind, victim))
    assert victim.read_bytes() == b"precious"
    assert not victim.with_name("new").exists()


def test_a_socket_is_refused(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run)  # the path of a socket may not be long
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("log.txt")
        with pytest.raises(UnsafeFileError, match="a socket"):
            whole_file.open_to_append(Path("log.txt"))


def test_a_pipe_that_takes_the_place_of_a_file_is_not_waited_for(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The path is looked at before it is opened; the descriptor is looked at, too."""
    path = run / "config.yaml"
    os.mkfifo(path)
    plain = Path(__file__).stat()
    monkeypatch.setattr(Path, "lstat", lambda self: plain)
    with pytest.raises(UnsafeFileError):
        files.open_to_read(path)
    with pytest.raises(UnsafeFileError):
        whole_file.open_to_append(path)


def test_a_link_that_takes_the_place_of_a_file_is_not_followed(
    run: Path, victim: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = odd(run, "link", victim)
    plain = Path(__file__).stat()
    monkeypatch.setattr(Path, "lstat", lambda self: plain)
    for opener in OPENERS.values():
        with pytest.raises(UnsafeFileError):
            opener(path)


def test_a_new_file_is_never_an_old_one(run: Path, victim: Path) -> None:
    path = run / "events"
    path.symlink_to(victim)
    with pytest.raises(FileExistsError):
        files.open_new(path)
    path.unlink()
    path.symlink_to(victim.with_name("new"))  # to a file that does not exist yet
    with pytest.raises(FileExistsError):
        files.open_new(path)
    assert victim.read_bytes() == b"precious"
    assert not victim.with_name("new").exists()


def test_a_file_is_replaced_and_the_target_of_a_link_stays(run: Path, victim: Path) -> None:
    path = run / "config.yaml"
    path.symlink_to(victim)
    (run / ".config.yaml.part").symlink_to(victim)
    whole_file.write(path, b"seed: 0\n")
    assert path.read_bytes() == b"seed: 0\n"
    assert not path.is_symlink()
    assert victim.read_bytes() == b"precious"
    assert [entry.name for entry in run.iterdir()] == ["config.yaml"]


def test_the_old_content_stays_if_the_new_one_is_not_complete(run: Path) -> None:
    path = run / "summary.json"
    whole_file.write(path, b"old")
    with pytest.raises(TypeError), whole_file.replacing(path) as file:
        file.write(None)  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in run.iterdir()] == ["summary.json"]


def test_a_folder_that_is_a_link_is_refused_at_every_depth(run: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "001").mkdir(parents=True)
    (elsewhere / "last.pt").write_bytes(b"theirs")
    (run / "checkpoints").symlink_to(elsewhere)
    for use in (files.open_to_read, whole_file.open_to_append, files.open_new):
        for name in ("last.pt", "001/new.pt"):
            with pytest.raises(UnsafeFileError, match="checkpoints is a symbolic link"):
                use(run / "checkpoints" / name, within=run)
    with pytest.raises(UnsafeFileError):
        whole_file.write(run / "checkpoints" / "last.pt", b"ours", within=run)
    for path in (run / "checkpoints", run / "checkpoints" / "002"):
        with pytest.raises(UnsafeFileError):
            files.folder(path, within=run)
    assert (elsewhere / "last.pt").read_bytes() == b"theirs"
    assert sorted(entry.name for entry in elsewhere.iterdir()) == ["001", "last.pt"]


def test_a_file_in_the_place_of_a_folder_is_refused(run: Path) -> None:
    (run / "samples").write_bytes(b"")
    with pytest.raises(UnsafeFileError, match="samples is not a regular"):
        files.folder(run / "samples")


def test_a_link_above_the_run_is_the_users_own(tmp_path: Path) -> None:
    (tmp_path / "disk" / "a").mkdir(parents=True)
    (tmp_path / "runs").symlink_to(tmp_path / "disk")
    (tmp_path / "latest").symlink_to(tmp_path / "runs" / "a")
    for run in (tmp_path / "runs" / "a", tmp_path / "latest"):
        folder = files.folder(run / "checkpoints", within=run)
        whole_file.write(folder / "last.pt", b"state", within=run)
        assert files.read(folder / "last.pt", most=5, within=run) == b"state"


def test_a_file_that_is_too_large_is_not_read(run: Path) -> None:
    path = run / "summary.json"
    with path.open("wb") as file:
        file.truncate(2**40)  # takes no place on the disk
    with pytest.raises(UnsafeFileError, match="more than 1,000 bytes"):
        files.read(path, most=1000)


def test_the_other_name_of_a_file_keeps_its_content(run: Path, victim: Path) -> None:
    path = run / "evaluations.jsonl"
    path.hardlink_to(victim)
    with whole_file.open_to_append(path) as file:
        file.write(b" more")
    assert victim.read_bytes() == b"precious"
    assert path.read_bytes() == b"precious more"

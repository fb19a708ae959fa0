from pathlib import Path

import pytest

from vaerun.data.folder import data_folder, find, store
from vaerun.errors import UserError


def test_root_then_environment_then_cache(tmp_path, monkeypatch):
    cache, named, root = tmp_path / "cache", tmp_path / "named", tmp_path / "root"
    assert data_folder(None) == cache / "vaerun"
    monkeypatch.setenv("VAERUN_DATA", str(named))
    assert data_folder(None) == named
    assert data_folder("") == named
    assert data_folder(str(root)) == root
    monkeypatch.delenv("VAERUN_DATA")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data_folder(None) == tmp_path / ".cache" / "vaerun"
    assert data_folder("~/root") == root


def test_no_folder_is_made_by_asking(tmp_path):
    data_folder(str(tmp_path / "new"))
    data_folder(None)
    assert list(tmp_path.iterdir()) == []


def test_a_mistyped_folder_is_refused_by_the_key_it_came_by(tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"^data\.root=.*/absent/data does not exist, and neither does its parent"):
        data_folder(str(tmp_path / "absent" / "data"))
    file = tmp_path / "train.gz"
    file.touch()
    monkeypatch.setenv("VAERUN_DATA", str(file))
    with pytest.raises(UserError, match=r"^\$VAERUN_DATA=.*train\.gz is a file, not a folder"):
        data_folder(None)


@pytest.mark.parametrize("place", ["MNIST/raw/x.gz", "MNIST/raw/x", "raw/x.gz", "raw/x", "x.gz", "x"])
def test_every_layout_is_found(tmp_path, place):
    assert find(tmp_path, "x.gz", subfolder="MNIST/raw") is None
    path = tmp_path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    assert find(tmp_path, "x.gz", subfolder="MNIST/raw") == path


def test_the_set_of_that_name_goes_before_a_file_that_lies_flat(tmp_path):
    for place in ("x.gz", "FashionMNIST/raw/x.gz"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).touch()
    assert find(tmp_path, "x.gz", subfolder="FashionMNIST/raw") == tmp_path / "FashionMNIST/raw/x.gz"


def test_store_writes_whole_and_leaves_no_neighbour(tmp_path):
    path = tmp_path / "a" / "b.gz"
    store(path, b"one")
    store(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_store_that_fails_leaves_the_old_file_and_no_neighbour(tmp_path, monkeypatch):
    path = tmp_path / "b.gz"
    store(path, b"old")

    def fail(self: Path, target: Path) -> Path:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        store(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_that_no_folder_can_have_is_a_sentence():
    with pytest.raises(UserError, match=r"cannot be used \(File name too long\): name another folder"):
        data_folder("x" * 300)
    with pytest.raises(UserError, match=r"data\.root=~nobody-here begins with a user that does not exist"):
        data_folder("~nobody-here")


def test_a_folder_without_permission_holds_no_file(tmp_path, monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.is_file", refuse)
    assert find(tmp_path, "x.gz") is None

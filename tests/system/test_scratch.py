import errno
import os
import tempfile

import pytest

from vaerun.errors import UserError
from vaerun.system import scratch as module
from vaerun.system.scratch import folder, scratch


def test_it_is_of_zeros_and_leaves_no_file(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    mapping = scratch(10_000, "Φ")
    assert mapping.memory[:] == bytes(10_000)
    mapping.memory[5:8] = b"abc"
    assert mapping.memory[5:8] == b"abc"
    assert not list(tmp_path.iterdir())


def test_the_folder_is_the_users_choice_or_on_a_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(module, "LARGE", tmp_path / "large")
    for name in module.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    assert str(folder()) == tempfile.gettempdir()
    (tmp_path / "large").mkdir()
    assert folder() == tmp_path / "large"
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    assert folder() == tmp_path


def test_a_full_disk_is_one_sentence(monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(UserError, match=r"Φ needs 3 TB of disk in .*, and .* are free \(No space left.*TMPDIR"):
        scratch(3 * 10**12, "Φ")

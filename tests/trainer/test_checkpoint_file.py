"""A changed byte of a checkpoint is noticed, wherever it is; the one before takes its place."""

import errno
import io
import logging
import os
import random
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.trainer.given import CPU, Given
from vaerun.errors import UserError
from vaerun.trainer import checkpoint, checkpoint_file
from vaerun.trainer.checkpoint_file import TRAILER, DamagedError, previous, read, write

pytestmark = pytest.mark.usefixtures("seeded")


def flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << (bit % 8)
    return bytes(changed)


def is_noticed(path: Path) -> bool:
    try:
        return not read(path, CPU)[1]
    except DamagedError:
        return True


def test_every_flipped_bit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    write(path, Given().at(3))
    whole = path.read_bytes()
    assert not is_noticed(path)
    rng = random.Random(0)
    bits = [rng.randrange(8 * len(whole)) for _ in range(200)]
    end = range(8 * (len(whole) - TRAILER.size), 8 * len(whole))  # every bit of the checksum itself
    for bit in (*bits, *end):
        path.write_bytes(flipped(whole, bit))
        assert is_noticed(path), bit


@pytest.mark.parametrize("cut", [0, 1, 11, 12, 13, 1000])
def test_a_cut_or_a_longer_file_is_noticed(cut: int, tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    write(path, Given().at(3))
    whole = path.read_bytes()
    for content in (whole[:cut], whole[: len(whole) - 1 - cut], whole + b"\0" * (1 + cut), b"\0" * len(whole)):
        path.write_bytes(content)
        assert is_noticed(path)


def test_the_one_before_is_used_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "best.pt"
    given = Given()
    for step in (3, 4):
        write(path, given.at(step))
    with caplog.at_level(logging.WARNING):
        assert checkpoint.load(path, CPU)["progress"]["step"] == 4
    assert not caplog.text
    path.write_bytes(flipped(path.read_bytes(), 5000))
    with caplog.at_level(logging.WARNING):
        assert checkpoint.load(path, CPU)["progress"]["step"] == 3
    assert "best.previous.pt is used, the state of step 3" in caplog.text
    previous(path).unlink()
    with pytest.raises(UserError, match="is damaged"):
        checkpoint.load(path, CPU)


def test_a_full_disk_leaves_the_files_and_its_error_has_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "last.pt"
    given = Given()
    write(path, given.at(3))
    before = path.read_bytes()
    written = 0

    def full(self: Any, content: Any) -> int:
        nonlocal written
        written += len(content)
        if written > 2000:
            self.error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            raise self.error
        return len(content)

    monkeypatch.setattr("vaerun.trainer.checkpoint_file._Checksummed.write", full)
    with pytest.raises(OSError, match="No space left") as told:
        write(path, given.at(4))
    assert told.value.filename == str(path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["last.pt"]


def test_a_checkpoint_of_format_1_is_read_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    state = Given().at(3) | {"format": 1}
    del state["progress"]["records_checksum"]
    torch.save(state, tmp_path / "last.pt")
    assert checkpoint.load(tmp_path / "last.pt", CPU)["progress"]["step"] == 3
    assert "has no checksum" in caplog.text


@pytest.mark.parametrize(
    "change",
    [
        lambda state: {"format": 1},
        lambda state: [1],
        lambda state: state | {"format": 99},
        lambda state: state | {"format": torch.zeros(2)},
        lambda state: state | {"tensors": {"a": 1}},
        lambda state: state | {"progress": {"step": 1}},
        lambda state: state | {"progress": state["progress"] | {"step": "1"}},
        lambda state: state | {"evaluations": [1]},
        lambda state: state | {"generators": {}},
        lambda state: state | {"meter": {"steps": 1}},
        lambda state: state | {"moments": [0.0, 1.0]},
        lambda state: state | {"data": None},
        lambda state: {key: value for key, value in state.items() if key != "optimizer"},
    ],
)
def test_an_odd_content_is_one_sentence(change: Any, tmp_path: Path) -> None:
    write(tmp_path / "last.pt", change(Given().at(3)))
    with pytest.raises(UserError, match=r"last\.pt cannot be read as a checkpoint, because .*\.$"):
        checkpoint.load(tmp_path / "last.pt", CPU)


class Stopping(io.BytesIO):
    """A file that raises an error once, in the tenth write: torch then writes on, and finds its place wrong."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error, self.left = error, 10

    def write(self, content: Any) -> int:
        self.left -= 1
        if self.left == 0:
            raise self.error
        return super().write(content)


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt("interrupted")])
def test_what_ends_a_write_is_raised_as_it_is(
    error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = Stopping(error)
    monkeypatch.setattr("vaerun.trainer.checkpoint_file.replacing", lambda *_, **__: nullcontext(file))
    with pytest.raises(type(error)) as caught:
        write(tmp_path / "last.pt", Given().at(4))
    assert caught.value is error
    assert file.left <= 0


def test_the_file_that_is_loaded_is_the_one_that_was_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "last.pt"
    write(path, Given().at(3))
    check = checkpoint_file._check

    def exchanged(file: Any) -> bool:
        checked = check(file)
        write(path, Given().at(5))
        return checked

    monkeypatch.setattr(checkpoint_file, "_check", exchanged)
    state, checked = read(path, CPU)
    assert checked
    assert state["progress"]["step"] == 3


def test_without_names_of_descriptors_it_is_read_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "last.pt", Given().at(3))
    monkeypatch.setattr(checkpoint_file, "DESCRIPTORS", tmp_path / "none")
    assert read(tmp_path / "last.pt", CPU)[0]["progress"]["step"] == 3

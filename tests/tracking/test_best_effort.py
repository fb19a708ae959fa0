"""A tracker that fails is left out, with one warning; training goes on."""

import errno
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from vaerun.tracking.best_effort import BestEffort
from vaerun.tracking.event_file import EventFile
from vaerun.tracking.jsonl import Jsonl, read
from vaerun.tracking.tensorboard import TensorBoard


class Breaks(Jsonl):
    """Raises an error from the second record on."""

    error: Exception = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        if step >= 2:
            raise self.error
        super().scalars(step, values)


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), ValueError("odd")])
def test_it_warns_once_and_goes_on(error: Exception, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    broken = Breaks(tmp_path / "m")
    broken.error = error
    tracker = BestEffort("The tracker", lambda: broken)
    for step in range(1, 5):
        tracker.scalars(step, {"elbo/train": 0.0})
    tracker.close("completed")
    assert [record["step"] for record in read(tmp_path / "m")] == [1]
    assert len(caplog.records) == 1
    assert str(error) in caplog.text


def test_a_tracker_that_cannot_be_made_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tracker = BestEffort("TensorBoard", lambda: TensorBoard(tmp_path / "absent", purge_after=1))
    tracker.scalars(1, {"elbo/train": 0.0})
    tracker.close("completed")
    assert len(caplog.records) == 1


def test_memory_that_is_refused_is_no_fault_of_the_tracker(tmp_path: Path) -> None:
    broken = Breaks(tmp_path / "m")
    broken.error = MemoryError()
    with pytest.raises(MemoryError):
        BestEffort("The tracker", lambda: broken).scalars(2, {})
    broken.close("failed")


def test_a_damaged_record_is_cut_off_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with_records = TensorBoard(tmp_path)
    for step in range(1, 6):
        with_records.scalars(step, {"elbo/train": float(step)})
    with_records.close("interrupted")
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    for bit in range(0, 8 * len(whole), 89):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(changed)
        caplog.clear()
        tracker = TensorBoard(tmp_path, purge_after=5)
        tracker.close("interrupted")
        assert path.read_bytes() == whole[: path.stat().st_size] != whole, bit
        assert "is damaged: TensorBoard has no records of it after step" in caplog.text
        for other in set(tmp_path.iterdir()) - {path}:
            other.unlink()


def test_a_length_that_no_file_has_is_not_read(tmp_path: Path) -> None:
    EventFile(tmp_path).close()
    (path,) = tmp_path.iterdir()
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

    length = (2**62).to_bytes(8, "little")
    path.write_bytes(path.read_bytes() + length + masked_crc32c(length).to_bytes(4, "little"))
    TensorBoard(tmp_path, purge_after=1).close("interrupted")

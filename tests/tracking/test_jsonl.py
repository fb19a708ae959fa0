import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from vaerun.errors import UserError
from vaerun.tracking.jsonl import Jsonl, checksum_of, read, truncate

RECORD = {
    "elbo/train": -23.5,
    "seconds": 1.5,
    "step": 10,
    "decoder_evaluations": 640,
    "epoch": 1.0,
    "elbo/valid": np.float32(-24.25),
}


@contextmanager
def opened(path: Path) -> Iterator[Jsonl]:
    tracker = Jsonl(path)
    yield tracker
    tracker.close("completed")


def written(path: Path, *steps: int) -> None:
    with opened(path) as tracker:
        for step in steps:
            tracker.scalars(step, {"step": step, "epoch": step / 10, "elbo/train": -float(step)})


def test_a_record_is_one_line_with_the_position_first(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with opened(path) as tracker:
        tracker.scalars(10, RECORD)
        # Read before it is closed: a killed process does not close.
        line = path.read_text()
    assert line.endswith("\n")
    assert line.count("\n") == 1
    record = json.loads(line)
    assert list(record) == ["step", "epoch", "seconds", "decoder_evaluations", "elbo/train", "elbo/valid"]
    assert record == RECORD
    assert isinstance(record["decoder_evaluations"], int)


def test_the_step_is_there_even_if_the_values_lack_it(tmp_path: Path) -> None:
    with opened(tmp_path / "m") as tracker:
        tracker.scalars(3, {"elbo/train": -1.0})
    assert read(tmp_path / "m") == [{"step": 3, "elbo/train": -1.0}]


def test_what_is_not_finite_is_strict_json_and_comes_back_as_nan(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with opened(path) as tracker:
        tracker.scalars(1, {"step": 1, "a/train": math.nan, "b/train": -math.inf, "c/train": np.float32("inf")})

    def refuse(word: str) -> float:
        raise AssertionError(f"{word} is not JSON")

    assert json.loads(path.read_text(), parse_constant=refuse)["a/train"] is None
    (record,) = read(path)
    assert record["step"] == 1
    assert all(math.isnan(record[f"{name}/train"]) for name in "abc")


def test_floats_come_back_bit_by_bit(tmp_path: Path) -> None:
    values = [math.pi * 10.0**k for k in range(-20, 20)]
    with opened(tmp_path / "m") as tracker:
        for step, value in enumerate(values):
            tracker.scalars(step, {"elbo/train": value})
    assert [record["elbo/train"] for record in read(tmp_path / "m")] == values


def test_truncation_leaves_what_the_checkpoint_knows_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    written(path, 0, 10, 20, 30)
    once = path.read_bytes()
    truncate(path, step=20, count=3)
    assert [record["step"] for record in read(path)] == [0, 10, 20]
    written(path, 30)
    assert path.read_bytes() == once
    truncate(path, step=-1, count=0)
    assert path.read_bytes() == b""
    assert [entry.name for entry in tmp_path.iterdir()] == ["metrics.jsonl"]


def test_of_one_step_only_the_records_that_were_counted_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    written(path, 0, 10, 10)
    truncate(path, step=10, count=2)
    assert [record["step"] for record in read(path)] == [0, 10]


@pytest.mark.parametrize("exists", [True, False])
def test_records_that_are_lost_are_reported(exists: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "metrics.jsonl"
    if exists:
        written(path, 0)
    truncate(path, step=10, count=3)
    assert f"holds {int(exists)} of the 3 records" in caplog.text
    assert path.exists() == exists


def test_truncation_needs_no_file(tmp_path: Path) -> None:
    truncate(tmp_path / "metrics.jsonl", step=5, count=0)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_half_written_last_line_is_forgotten(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "metrics.jsonl"
    written(path, 0, 10, 20)
    whole = path.read_bytes()
    last = whole.splitlines(keepends=True)[-1]
    path.write_bytes(whole[: len(whole) - len(last) + cut])
    assert [record["step"] for record in read(path)] == [0, 10]
    truncate(path, step=20, count=2)
    written(path, 20)
    assert path.read_bytes() == whole


def test_a_last_line_that_lacks_only_its_end_is_kept_apart_from_the_next(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    written(path, 0, 10)
    path.write_bytes(path.read_bytes()[:-1])
    truncate(path, step=10, count=2)
    written(path, 20)
    assert [record["step"] for record in read(path)] == [0, 10, 20]


def test_truncation_replaces_the_file_by_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "metrics.jsonl"
    written(path, 0, 10)
    before = path.read_bytes()

    def killed(self: Path, target: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        truncate(path, step=0, count=1)
    assert path.read_bytes() == before


@pytest.mark.parametrize("line", [b"{half", b'{"epoch": 1}', b"[1]", b'"step"', b"\xff\xfe", b'{"step": null}'])
def test_a_broken_line_in_the_middle_is_named(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"step": 0}\n' + line + b'\n{"step": 2}\n')
    with pytest.raises(UserError, match=r"line 2 of .*metrics\.jsonl"):
        read(path)


def test_pictures_words_and_choices_leave_the_file_alone(tmp_path: Path) -> None:
    with opened(tmp_path / "m") as tracker:
        tracker.images(1, "samples", np.zeros((2, 2), np.uint8))
        tracker.text("config", "seed: 0")
        tracker.hparams({"seed": 0})
    assert (tmp_path / "m").read_bytes() == b""


EXPECTED = (2, 4, 6, 8, 10, 12)


@pytest.mark.parametrize(
    ("change", "kept", "said"),
    [
        (lambda lines: lines[:3], [2, 4, 6], "holds 3 of the 6 records of this run"),
        (lambda lines: lines[:3], [2, 4, 6], "the others are lost, those of step 8, 10 and 12"),
        (lambda lines: [], [], "those of step 2 to 12"),
        (lambda lines: [*lines[:2], b"{odd\n", *lines[3:]], [2, 4, 8, 10, 12], "those of step 6"),
        (lambda lines: [*lines[:2], b"\xff\xfe\n", *lines[3:]], [2, 4, 8, 10, 12], "those of step 6"),
        (lambda lines: [lines[0].replace(b"-2.0", b"-3.0"), *lines[1:]], list(EXPECTED), "was changed"),
        (lambda lines: [*lines, *lines], list(EXPECTED), ""),
        (lambda lines: lines, list(EXPECTED), ""),
    ],
)
def test_what_is_missing_is_said_in_one_warning(
    change: object, kept: list[int], said: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "metrics.jsonl"
    written(path, *EXPECTED)
    checksum = checksum_of(read(path))
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))  # type: ignore[operator]
    truncate(path, step=12, count=6, expected=EXPECTED, checksum=checksum)
    assert [record["step"] for record in read(path)] == kept
    assert len(caplog.records) == bool(said)
    assert said in caplog.text


def test_a_disk_that_takes_a_part_of_a_line_is_asked_again(tmp_path: Path) -> None:
    class Slow:
        def __init__(self, file: object) -> None:
            self.file = file

        def write(self, content: bytes) -> int:
            return self.file.write(content[:7])

    tracker = Jsonl(tmp_path / "m")
    tracker._file = Slow(tracker._file)
    tracker.scalars(1, {"elbo/train": -1.5})
    assert read(tmp_path / "m") == [{"step": 1, "elbo/train": -1.5}]
    tracker._file.file.close()

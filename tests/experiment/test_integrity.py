"""A file that is not what vaerun wrote is known by its checksum."""

import tracemalloc
from pathlib import Path

import pytest

from vaerun.experiment.directory import read_summary, write_config, write_summary
from vaerun.experiment.integrity import RECORDS, change_in_config, changes, is_changed, with_checksum
from vaerun.tracking.jsonl import Jsonl, checksum_of, read


def test_every_changed_digit_of_a_content_is_known() -> None:
    content = with_checksum({"a": 1.25, "b": {"c": [1, None, "φ"]}, "seed": 0})
    assert not is_changed(content)
    assert with_checksum(content) == content
    for changed in ({"a": 1.5}, {"b": {"c": [1, None, "ψ"]}}, {"new": 1}, {"checksum": "0"}, {"checksum": None}):
        assert is_changed(content | changed)
    assert not is_changed({"a": 1})  # of an earlier version


def test_a_summary_comes_back_as_it_was_written(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_summary(tmp_path, {"status": "completed", "metrics": {"elbo/test": -1 / 3}})
    assert read_summary(tmp_path)["metrics"] == {"elbo/test": -1 / 3}
    assert not caplog.text


def test_the_files_of_a_run_are_compared_with_their_checksums(tmp_path: Path) -> None:
    write_config(tmp_path, {"seed": 0, "data": {"name": "digits"}})
    tracker = Jsonl(tmp_path / "metrics.jsonl")
    tracker.scalars(1, {"elbo/train": -1 / 3, "kl/train": float("nan")})
    tracker.close("completed")
    summary = with_checksum({"status": "completed", RECORDS: checksum_of(read(tmp_path / "metrics.jsonl"))})
    assert not list(changes(tmp_path, summary))
    for name, before, after in (("config.yaml", "seed: 0", "seed: 1"), ("metrics.jsonl", "3333", "3433")):
        path = tmp_path / name
        text = path.read_text()
        path.write_text(text.replace(before, after, 1))
        (sentence,) = changes(tmp_path, summary)
        assert str(path) in sentence
        path.write_text(text)
    (tmp_path / "metrics.jsonl").unlink()
    assert "does not exist any more" in next(changes(tmp_path, summary))
    assert "summary.json" in next(changes(tmp_path, summary | {"status": "failed"}))


def test_a_config_without_a_checksum_is_of_an_earlier_version(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("seed: 0\n")
    assert change_in_config(tmp_path / "config.yaml") == ""


@pytest.mark.parametrize(
    ("end", "changed"), [(b'{"step": 2, "elbo', False), (b'{"step": 2}\n', True), (b'{"step": 2}', True)]
)
def test_a_half_written_last_line_is_no_record(end: bytes, changed: bool, tmp_path: Path) -> None:
    tracker = Jsonl(tmp_path / "metrics.jsonl")
    tracker.scalars(1, {"elbo/train": -1.0})
    tracker.close("failed")
    summary = {"status": "failed", RECORDS: checksum_of(read(tmp_path / "metrics.jsonl"))}
    with (tmp_path / "metrics.jsonl").open("ab") as file:
        file.write(end)
    said = [sentence for sentence in changes(tmp_path, summary) if "metrics.jsonl" in sentence]
    assert bool(said) == changed
    whole = {RECORDS: checksum_of(read(tmp_path / "metrics.jsonl"))}
    assert not [sentence for sentence in changes(tmp_path, whole) if "metrics.jsonl" in sentence]


def test_a_file_of_one_endless_line_is_not_read_into_memory(tmp_path: Path) -> None:
    tmp_path.joinpath("config.yaml").write_text("seed: 0\n")
    metrics = tmp_path / "metrics.jsonl"
    with metrics.open("wb") as file:
        file.truncate(100 * 2**20)
    tracemalloc.start()
    try:
        found = list(changes(tmp_path, {RECORDS: 1}))
        assert any("was changed" in sentence for sentence in found)
        assert tracemalloc.get_traced_memory()[1] < 10 * 2**20
    finally:
        tracemalloc.stop()


def test_a_run_that_ended_before_its_first_record_lacks_no_file(tmp_path: Path) -> None:
    assert not list(changes(tmp_path, with_checksum({"status": "failed", RECORDS: checksum_of([])})))

"""metrics.csv has one row per record and one column per metric, and a resumed run continues it."""

import csv
from pathlib import Path

import numpy as np
import pytest

from vaerun.tracking.csv import Csv


def rows(directory: Path) -> list[dict[str, str]]:
    with (directory / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def written(directory: Path, *steps: int, purge_after: int = -1) -> None:
    tracker = Csv(directory, purge_after=purge_after)
    for step in steps:
        tracker.scalars(step, {"step": step, "epoch": step / 2, "elbo/train": -0.1 * step})
    tracker.close("completed")


def test_numbers_are_read_back_to_the_last_bit(tmp_path: Path) -> None:
    written(tmp_path, 1, 2, 3)
    table = rows(tmp_path)
    assert [int(row["step"]) for row in table] == [1, 2, 3]
    assert [float(row["elbo/train"]) for row in table] == [-0.1 * step for step in (1, 2, 3)]


def test_a_metric_that_comes_later_is_a_column_at_the_right(tmp_path: Path) -> None:
    tracker = Csv(tmp_path)
    tracker.scalars(1, {"step": 1, "elbo/train": -3.0})
    before = (tmp_path / "metrics.csv").read_text().split("\n")[0]
    tracker.scalars(2, {"step": 2, "elbo/valid": np.float32(-4.25), "kl/train": float("nan")})
    tracker.scalars(3, {"step": 3, "elbo/train": -2.0})
    tracker.close("completed")
    assert (tmp_path / "metrics.csv").read_text().split("\n")[0] == f"{before},elbo/valid,kl/train"
    table = rows(tmp_path)
    assert [row["elbo/train"] for row in table] == ["-3.0", "", "-2.0"]
    assert [row["elbo/valid"] for row in table] == ["", "-4.25", ""]
    assert [row["kl/train"] for row in table] == ["", "nan", ""]


def test_every_record_is_in_the_file_before_the_next(tmp_path: Path) -> None:
    tracker = Csv(tmp_path)
    for step in range(1, 4):
        tracker.scalars(step, {"step": step, "elbo/train": -1.0})
        assert len(rows(tmp_path)) == step
    tracker.close("completed")


@pytest.mark.parametrize(("purge_after", "left"), [(-1, []), (2, ["1", "2"]), (9, ["1", "2", "3"])])
def test_rows_after_the_checkpoint_are_removed(purge_after: int, left: list[str], tmp_path: Path) -> None:
    written(tmp_path, 1, 2, 3)
    Csv(tmp_path, purge_after=purge_after).close("interrupted")
    assert [row["step"] for row in rows(tmp_path)] == left


@pytest.mark.parametrize("damage", ["3,1.5", "x,1\n", "4,1.5,0,0,0,0,0,-1,7,7\n"])
def test_a_line_that_is_no_row_of_the_table_is_removed(damage: str, tmp_path: Path) -> None:
    written(tmp_path, 1, 2)
    with (tmp_path / "metrics.csv").open("a") as file:
        file.write(damage)
    written(tmp_path, 3, purge_after=2)
    assert [row["step"] for row in rows(tmp_path)] == ["1", "2", "3"]


def test_a_file_that_is_no_table_of_records_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_bytes(b"\xff\x00 something else\n1,2\n")
    written(tmp_path, 1, purge_after=5)
    assert [row["step"] for row in rows(tmp_path)] == ["1"]

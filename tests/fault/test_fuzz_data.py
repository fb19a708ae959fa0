"""Damaged data files are read rightly or refused with one sentence; python scripts/fuzz.py tries many more."""

from pathlib import Path

from fuzzing.data import Data

from tests.fault.damaged import check


def test_damaged_data_files(tmp_path: Path) -> None:
    ends = check(Data(), tmp_path, count=400)
    assert min(ends.values()) >= 10  # both ends occur, so neither is empty of meaning

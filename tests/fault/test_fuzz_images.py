"""Damaged images are read rightly or refused with one sentence; python scripts/fuzz.py tries many more."""

from pathlib import Path

from fuzzing.image import Images

from tests.fault.damaged import check


def test_damaged_images(tmp_path: Path) -> None:
    ends = check(Images(), tmp_path, count=200)
    assert min(ends.values()) >= 10  # both ends occur, so neither is empty of meaning

"""Damaged result files are read rightly or refused with one sentence; python scripts/fuzz.py tries many more."""

from pathlib import Path

import pytest
from fuzzing.result import Results

from tests.fault.damaged import check


@pytest.mark.slow
def test_damaged_results(tmp_path: Path) -> None:
    assert sum(check(Results(), tmp_path, count=60).values()) >= 60

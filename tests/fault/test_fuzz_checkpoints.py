"""Damaged checkpoints are read rightly or refused with one sentence; python scripts/fuzz.py tries many more."""

from pathlib import Path

import pytest
from fuzzing.checkpoint import Checkpoints

from tests.fault.damaged import check


@pytest.mark.slow
def test_damaged_checkpoints(tmp_path: Path) -> None:
    assert sum(check(Checkpoints(), tmp_path, count=40).values()) >= 40

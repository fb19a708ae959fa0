"""Odd words of a command line are composed or refused with one sentence; python scripts/fuzz.py tries many more."""

from pathlib import Path

import pytest
from fuzzing.override import Overrides

from tests.fault.damaged import check


@pytest.mark.slow
def test_damaged_overrides(tmp_path: Path) -> None:
    assert sum(check(Overrides(), tmp_path, count=6).values()) >= 6

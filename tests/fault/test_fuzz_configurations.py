"""Damaged YAML are read rightly or refused with one sentence; python scripts/fuzz.py tries many more."""

from pathlib import Path

import pytest
from fuzzing.configuration import Configurations

from tests.fault.damaged import check


@pytest.mark.slow
def test_damaged_configurations(tmp_path: Path) -> None:
    assert sum(check(Configurations(), tmp_path, count=12).values()) >= 12

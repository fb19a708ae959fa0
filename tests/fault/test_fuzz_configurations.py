"""Damaged YAML are read rightly or refused with one sentence; python scripts/fuzz.py tries many more."""

from pathlib import Path

import pytest
from fuzzing.configuration import Configurations

from tests.fault.damaged import check


@pytest.mark.slow
def test_damaged_configurations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAERUN_CONF", str(tmp_path))  # what the fuzzing sets ends with the test
    assert sum(check(Configurations(), tmp_path, count=12).values()) >= 12

"""scripts/fault.py, a few rounds of it: kills, flipped bits, and an environment that fails."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[2] / "scripts" / "fault.py"


def fault(*words: object) -> str:
    """What the script prints; it must find nothing wrong."""
    done = subprocess.run(
        [sys.executable, SCRIPT, *map(str, words)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_runs_that_are_killed_end_as_if_they_were_not(tmp_path: Path) -> None:
    fault("kill", tmp_path, "--kills", 3, "--kinds", "joint")
    results = lines(tmp_path / "kill.jsonl")
    assert sum(len(result["kills"]) for result in results) >= 3
    assert not any(result["differing"] for result in results)


def test_a_flipped_bit_in_any_file_is_noticed_or_without_effect(tmp_path: Path) -> None:
    fault("corrupt", tmp_path, "--rounds", 1)
    results = lines(tmp_path / "corrupt.jsonl")
    assert {result["verdict"] for result in results} == {"noticed", "without effect"}
    noticed = {(result["file"], result["use"]) for result in results if result["verdict"] == "noticed"}
    for name in ("last.pt", "best.pt", "metrics.jsonl", "summary.json", "config.yaml"):
        assert (name, "resume") in noticed


def test_a_limit_on_files_is_one_sentence_and_the_run_goes_on(tmp_path: Path) -> None:
    fault("environment", tmp_path, "--only", "limited_files", "--short")
    assert lines(tmp_path / "environment.jsonl")

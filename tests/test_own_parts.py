"""The examples of docs/networks.md and docs/trackers.md, done in a folder of one's own."""

import json
import re
from pathlib import Path

import pytest

from tests import forked
from tests.runs import TINY

DOCS = Path(__file__).parents[1] / "docs"
FILE = re.compile(r"^```\w+\n((?:# @package .*\n)?# (\S+\.(?:py|yaml))\b.*?)^```$", re.MULTILINE | re.DOTALL)

pytestmark = pytest.mark.slow


def files(page: str, folder: Path) -> list[str]:
    """Writes the files of a page into a folder; returns their names."""
    found = FILE.findall((DOCS / page).read_text())
    for text, name in found:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return [name for _, name in found]


def vaerun(folder: Path, *words: str) -> str:
    ran = forked.vaerun(*words, cwd=folder)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_networks_of_ones_own(tmp_path: Path) -> None:
    assert len(files("networks.md", tmp_path)) == 3
    own = [word for word in TINY if "hidden" not in word]
    choices = ["amortizer=mine", "model/decoder=mine", "trust=mylab", "amortizer.width=16", "model.decoder.width=8"]
    vaerun(tmp_path, "train", *own, *choices, "hydra.run.dir=run")
    parameters = json.loads((tmp_path / "run" / "summary.json").read_text())["parameters"]
    assert parameters["lam"] == 64 * 16 + 16 + 16 * 6 + 6
    assert parameters["theta"] == 3 * 8 + 8 + 8 * 64 + 64
    vaerun(tmp_path, "eval", "run", "trust=mylab")


def test_a_tracker_of_ones_own(tmp_path: Path) -> None:
    assert len(files("trackers.md", tmp_path)) == 2
    vaerun(tmp_path, "train", *TINY, "tracking=[csv,lines]", "trust=mylab", "hydra.run.dir=run")
    assert [line.split()[0] for line in (tmp_path / "run" / "lines.txt").read_text().splitlines()] == ["6", "12", "18"]
    assert "lines" in vaerun(tmp_path, "list", "tracking")

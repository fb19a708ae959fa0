"""docs/reference is what scripts/reference.py writes, and names everything there is."""

import subprocess
import sys
from pathlib import Path

import pytest

from vaerun.config.catalogue import Catalogue
from vaerun.config.hydra import roots

TOP = Path(__file__).parents[1]


@pytest.mark.slow
def test_the_pages_are_those_of_the_present_docstrings(tmp_path: Path) -> None:
    subprocess.run([sys.executable, TOP / "scripts" / "reference.py", tmp_path], check=True)
    written = {path.name: path.read_text() for path in tmp_path.glob("*.md")}
    kept = {path.name: path.read_text() for path in (TOP / "docs" / "reference").glob("*.md")}
    stale = [name for name in written.keys() | kept.keys() if written.get(name) != kept.get(name)]
    assert not stale, "run: python scripts/reference.py"


def test_every_choice_says_what_it_is_and_every_method_where_it_comes_from() -> None:
    for group, options in Catalogue(roots()[:1]).groups.items():
        for option in options.values():
            assert option.info is not None, option
            assert option.info.summary, option
            if group in ("estimator", "posterior", "objective", "strategy", "model", "model/prior"):
                assert option.info.reference, option

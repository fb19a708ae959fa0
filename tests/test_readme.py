"""README is one screen, CI finds its commands there, and docs/commands.md names every choice."""

import re
from pathlib import Path

TOP = Path(__file__).parents[1]
README = (TOP / "README.md").read_text()


def test_the_readme_is_one_screen() -> None:
    assert len(README.splitlines()) <= 50
    assert len(README.split()) <= 600


def test_ci_finds_the_command_that_sets_up_and_tests() -> None:
    pattern = re.search(r"s/(\^.+?\$)/", (TOP / ".ci" / "run").read_text())
    assert pattern
    lines = re.findall(pattern[1].replace(r"\(", "(").replace(r"\)", ")"), README, re.MULTILINE)
    assert [line.partition(" && ")[0] for line in lines] == ["pip install -e '.[dev]'"]


def test_every_choice_is_in_the_table_of_choices() -> None:
    page = (TOP / "docs" / "commands.md").read_text()
    for folder in ("model", "posterior", "objective", "estimator", "amortizer", "strategy"):
        for option in (TOP / "conf" / folder).glob("*.yaml"):
            assert f"`{option.stem}`" in page, option

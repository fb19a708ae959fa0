"""The tables of ``vaerun list``: on a terminal and elsewhere."""

import io
import re
import subprocess
import sys

import pytest

from vaerun.command.option_table import show

GROUPS = {
    "estimator": [
        {"option": "score", "default": False, "summary": "REINFORCE [red] of a long name", "reference": "Williams 1992",
         "min_samples": 2, "keys": {"a": 1}, "fits": {"objective": ["elbo"], "model": []}},
        {"option": "reparam", "default": True, "summary": "z = g(ε; φ)", "reference": "", "min_samples": 1, "keys": {}},
    ],
    "data": [{"option": "own", "default": False, "summary": "", "reference": "", "min_samples": 1, "keys": {}}],
}  # fmt: skip
PLAIN = """\
estimator
  score     REINFORCE [red] of a long name
            [Williams 1992]
            with objective: elbo
            with model: none
            with objective.num_samples=2 or more
            keys: a=1
* reparam   z = g(ε; φ)

data
  own
"""


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_without_a_terminal_it_is_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    show(GROUPS)
    assert capsys.readouterr().out == PLAIN


def test_a_terminal_sees_the_same_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "64")
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    show(GROUPS)
    assert "\x1b[" in terminal.getvalue()
    screen = re.sub(r"\x1b\[[\d;]*m", "", terminal.getvalue())
    assert max(map(len, screen.splitlines())) <= 64
    drawn, words = screen.replace("─", " ").replace("* is the default", ""), PLAIN.split()
    assert drawn.split() == words
    assert screen.count("* is the default") == 2


def test_rich_is_imported_on_a_terminal_alone() -> None:
    code = "import sys; from vaerun.cli import dispatch; sys.exit(dispatch(['list', 'data']) or 'rich' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE)

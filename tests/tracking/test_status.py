import errno
import io
import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from vaerun.tracking.status import StatusLine


class Terminal(io.StringIO):
    """A stream that says it is a terminal, and what one would show after all that was written to it."""

    def isatty(self) -> bool:
        return True

    def screen(self) -> list[str]:
        lines, column = [""], 0
        for part in re.findall(r"\x1b\[2K|\r|\n|[^\r\n\x1b]|\x1b", self.getvalue()):
            assert part != "\x1b", "an escape sequence that this terminal does not know"
            if part == "\x1b[2K":
                lines[-1] = " " * column
            elif part == "\r":
                column = 0
            elif part == "\n":
                lines.append("")
                column = 0
            else:
                lines[-1] = lines[-1][:column].ljust(column) + part + lines[-1][column + 1 :]
                column += 1
        return lines


@pytest.fixture(autouse=True)
def terminal_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "30")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    """A terminal on which the root logger writes too, as it does under Hydra."""
    terminal = Terminal()
    handler = logging.StreamHandler(terminal)
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.INFO)
    root.addHandler(handler)
    yield terminal
    root.removeHandler(handler)
    root.setLevel(level)


def test_the_line_is_redrawn_in_place(terminal: Terminal, clock: list[float]) -> None:
    with StatusLine(terminal) as line:
        line.show(lambda: "a long first text")
        assert terminal.screen() == ["a long first text"]
        clock[0] += 1.0
        line.show(lambda: "short")
        assert terminal.screen() == ["short"]
    assert terminal.screen() == [""]


def test_it_is_drawn_at_most_five_times_per_second(terminal: Terminal, clock: list[float]) -> None:
    drawn = []
    with StatusLine(terminal) as line:
        for _ in range(1000):
            line.show(lambda: drawn.append(clock[0]) or "x")
            clock[0] += 0.01
    assert 45 <= len(drawn) <= 51


def test_a_text_wider_than_the_terminal_does_not_wrap(terminal: Terminal) -> None:
    with StatusLine(terminal) as line:
        line.show(lambda: "0123456789" * 10)
        assert terminal.screen() == [("0123456789" * 3)[:28] + "…"]


@pytest.mark.parametrize("name", ["", "vaerun", "vaerun.trainer.trainer", "hydra"])
def test_a_log_record_finds_a_clean_line(terminal: Terminal, clock: list[float], name: str) -> None:
    with StatusLine(terminal) as line:
        line.show(lambda: "epoch 1, a status line")
        logging.getLogger(name).warning("one")
        assert terminal.screen() == ["one", ""]
        clock[0] += 1.0
        line.show(lambda: "epoch 2")
        assert terminal.screen() == ["one", "epoch 2"]
        logging.getLogger(name).warning("two")
    assert terminal.screen() == ["one", "two", ""]


def test_an_exception_leaves_nothing_behind(terminal: Terminal) -> None:
    root = logging.getLogger()
    before = [list(handler.filters) for handler in root.handlers]

    def fail() -> None:
        with StatusLine(terminal) as line:
            line.show(lambda: "busy")
            assert terminal.screen() == ["busy"]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert terminal.screen() == [""]
    assert [list(handler.filters) for handler in root.handlers] == before


def test_a_closed_line_stays_away(terminal: Terminal, clock: list[float]) -> None:
    line = StatusLine(terminal)
    line.close()
    clock[0] += 1.0
    line.show(lambda: "ghost")
    line.close()
    assert terminal.getvalue() == ""


def test_nothing_is_written_where_there_is_no_terminal_or_there_are_several_runs(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> str:
        raise AssertionError("asked for a text that nobody sees")

    file = io.StringIO()
    with StatusLine(file) as line:
        line.show(refuse)
    with StatusLine(terminal, live=False) as line:
        line.show(refuse)
    monkeypatch.setenv("TERM", "dumb")
    with StatusLine(terminal) as line:
        line.show(refuse)
    assert file.getvalue() == terminal.getvalue() == ""


def test_the_width_is_that_of_the_terminal_at_each_redraw(
    terminal: Terminal, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS")
    with StatusLine(terminal) as line:
        for columns, shown in ((12, "0123456789…"), (8, "012345…")):
            monkeypatch.setattr(os, "get_terminal_size", lambda fd, wide=columns: os.terminal_size((wide, 5)))
            line.show(lambda: "0123456789abcdef")
            assert terminal.screen() == [shown]
            clock[0] += 1.0


def test_a_character_that_takes_two_columns_counts_twice(terminal: Terminal) -> None:
    with StatusLine(terminal) as line:
        line.show(lambda: "変" * 20)
        assert terminal.screen() == ["変" * 14 + "…"]


def test_brackets_are_text_and_no_markup(terminal: Terminal) -> None:
    with StatusLine(terminal) as line:
        line.show(lambda: "[red] 1/2 :smile: [/b]")
        assert terminal.screen() == ["[red] 1/2 :smile: [/b]"]


def test_rich_is_imported_on_a_terminal_alone() -> None:
    code = (
        "import io, sys; from vaerun.tracking.status import StatusLine; line = StatusLine(io.StringIO()); "
        "line.show(lambda: 'x'); line.close(); sys.exit('rich' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


class Dying(Terminal):
    """A terminal that hangs up."""

    dead = False

    def write(self, text: str) -> int:
        if self.dead:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().write(text)

    def flush(self) -> None:
        if self.dead:
            raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.parametrize("what", ["show", "erase", "close"])
def test_a_terminal_that_died_stops_nothing(what: str, clock: list[float]) -> None:
    terminal = Dying()
    line = StatusLine(terminal)
    line.show(lambda: "epoch 1")
    terminal.dead = True
    clock[0] += 1
    if what == "show":
        line.show(lambda: "epoch 2")
    elif what == "erase":
        line.erase()
    line.close()
    line.show(lambda: "epoch 3")

import io
import logging
import time
from collections.abc import Iterator

import pytest

from vaerun.tracking.console import Console


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True

    def line(self) -> str:
        """What stands in the last line, where every drawing erases the one before."""
        return self.getvalue().rsplit("\x1b[2K", 1)[-1]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    with caplog.at_level(logging.INFO, logger="vaerun"):
        yield


@pytest.fixture
def console() -> Iterator[Console]:
    console = Console(epochs=100, steps_per_epoch=12, batch_size=100, stream=io.StringIO())
    yield console
    console.close("completed")


def record(step: int, epoch: float, train_seconds: float, **more: float) -> dict[str, float]:
    return {"step": step, "epoch": epoch, "train_seconds": train_seconds, "elbo/train": -23.414} | more


def test_a_line_says_where_the_run_is_how_good_and_how_fast(console: Console, caplog: pytest.LogCaptureFixture) -> None:
    console.scalars(0, record(0, 0, 0.0))
    console.scalars(144, record(144, 12, 0.5) | {"elbo/valid": -24.1, "elbo_se/valid": 0.123, "kl/train": 7.0})
    assert caplog.messages == [
        "epoch   0/100  step 0  elbo/train -23.41",
        "epoch  12/100  step 144  elbo/train -23.41  elbo/valid -24.10 ± 0.12  28,800 samples/s",
    ]
    assert {entry.name for entry in caplog.records} == {"vaerun"}


def test_the_speed_is_that_since_the_line_before(console: Console, caplog: pytest.LogCaptureFixture) -> None:
    console.scalars(12, record(12, 1, 1.0))
    console.scalars(24, record(24, 2, 5.0))
    assert [message.split("  ")[-1] for message in caplog.messages] == ["1,200 samples/s", "300 samples/s"]


def test_several_records_of_one_epoch_make_one_line(console: Console, caplog: pytest.LogCaptureFixture) -> None:
    for step in range(0, 37, 4):
        console.scalars(step, record(step, step / 12, step / 10))
    assert [message.split()[1] for message in caplog.messages] == ["0/100", "1/100", "2/100", "3/100"]


def test_the_status_line_counts_steps_and_the_time_left(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = [50.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    terminal = Terminal()
    console = Console(epochs=10, steps_per_epoch=20, batch_size=5, stream=terminal)
    console.step(20)
    assert terminal.line() == "epoch 2/10  step 20/200"
    now[0] += 2.0
    console.scalars(24, record(24, 1.2, 1.0))
    console.step(24)
    assert terminal.line() == "epoch 2/10  step 24/200  2 steps/s  1:28 left  elbo/train -23.41"
    console.close("interrupted")
    assert terminal.line() == ""


def test_one_of_several_runs_draws_nothing() -> None:
    terminal = Terminal()
    console = Console(epochs=10, steps_per_epoch=20, batch_size=5, live=False, stream=terminal)
    console.step(1)
    console.close("completed")
    assert terminal.getvalue() == ""

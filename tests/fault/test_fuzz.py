"""The harness sees what it is to find: errors, hangs, and memory. A harness that sees nothing proves nothing."""

import argparse
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import fuzz
import pytest
from fuzzing.kind import Kind, RefusedError, refused
from fuzzing.mutation import damaged, reworded
from fuzzing.watch import TooLongError, measured, signature
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


class Four(Kind):
    """Inputs 0 to 3: a success, a refusal, an error, and one that takes memory."""

    name = "four"
    megabytes = 20

    def inputs(self, folder: Path) -> st.SearchStrategy[Any]:
        return st.sampled_from((0, 1, 2, 3))

    def read(self, given: Any, folder: Path) -> None:
        if given == 1:
            raise RefusedError("no")
        if given == 2:
            raise KeyError("x")
        if given == 3:
            bytearray(b"x" * (60 * 2**20))


def test_every_end_is_counted_as_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz, "limit_memory", lambda: None)
    monkeypatch.setattr("logging.disable", lambda level: None)
    monkeypatch.chdir(tmp_path)
    asked = argparse.Namespace(inputs=4, seed=0, seconds=20, faults=tmp_path / "faults")
    tally = fuzz.round_of(Four(), asked)
    assert (tally.inputs, tally.refusals, tally.successes) == (4, 1, 2)
    assert tally.peak >= 60 * 2**20
    assert sorted(name.partition(" in ")[0] for name in tally.faults) == ["KeyError", "more than 20 MB"]
    assert {path.read_bytes() for path in asked.faults.iterdir()} == {b"2", b"3"}
    assert "| four | 4 | 2 | 1 | 2 |" in fuzz.table({"four": tally})


def test_a_process_that_crashes_or_hangs_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = argparse.Namespace(inputs=4, seed=0, seconds=20, faults=tmp_path)
    (fault,) = fuzz.in_own_process("absent", asked).faults
    assert fault.startswith("the process ended with 1: KeyError")

    def hang(command: list[str], *, timeout: float, **other: object) -> None:
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(subprocess, "run", hang)
    assert fuzz.in_own_process("data files", asked).faults == {"the process hangs": 1}


@pytest.mark.slow
def test_the_script_prints_a_table(tmp_path: Path) -> None:
    words = ["--kinds", "data files", "--inputs", "30", "--faults", tmp_path / "faults", "--table", tmp_path / "table"]
    ran = subprocess.run([sys.executable, fuzz.__file__, *words], capture_output=True, text=True, cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "| data files | 30 |" in ran.stdout
    assert (tmp_path / "table").read_text() == ran.stdout
    assert list((tmp_path / "faults").iterdir()) == []


def test_what_hangs_is_stopped() -> None:
    error, cost = measured(lambda: time.sleep(30), limit=0.05)
    assert isinstance(error, TooLongError)
    assert cost.seconds < 30


def test_equal_causes_have_equal_names_whatever_the_file() -> None:
    def fail(name: str) -> BaseException:
        error, _ = measured(lambda: Path(name).read_bytes(), limit=9)
        assert error is not None
        return error

    assert signature(fail("/absent/1")) == signature(fail("/absent/22"))


@pytest.mark.parametrize("sentence", ["", "two\nlines", "internal error, KeyError"])
def test_what_is_no_sentence_is_no_refusal(sentence: str) -> None:
    with pytest.raises(AssertionError):
        refused(ValueError(sentence))


@pytest.mark.parametrize("made", [damaged([b"abc 12", b"xyz"]), reworded(["a: 1\nb: [2]\n"])])
def test_most_inputs_are_damaged(made: st.SearchStrategy[bytes]) -> None:
    seen = set()

    @settings(max_examples=60, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(made)
    def one(content: bytes) -> None:
        seen.add(content)

    one()
    assert len(seen - {b"abc 12", b"xyz", b"a: 1\nb: [2]\n"}) > 20

"""Streams that are closed, full, or cannot show a character; in a process of their own."""

import os
import subprocess
import sys

import pytest

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def vaerun(line: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Runs a line of shell in which vaerun is the command."""
    command = line.replace("vaerun", f"{sys.executable} -m vaerun")
    return subprocess.run(["bash", "-c", command], env={**os.environ, **environment}, capture_output=True, timeout=60)


@pytest.mark.parametrize("environment", [ASCII, {"PYTHONIOENCODING": "ascii"}], ids=["locale", "encoding"])
@pytest.mark.parametrize("words", ["train --help", "list posterior", "list posterior --json", "train x=φ"])
def test_what_cannot_be_shown_is_replaced(words: str, environment: dict[str, str]) -> None:
    done = vaerun(f"vaerun {words}", **environment)
    assert done.returncode == (2 if "φ" in words else 0), done.stderr
    assert b"Traceback" not in done.stderr
    assert done.stdout.isascii()
    assert done.stdout or done.stderr.startswith(b"vaerun: ")


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("vaerun list >&-", 0, b""),
        ("vaerun --help 2>&-", 0, b""),
        ("vaerun list > /dev/full", 1, b"vaerun: standard output cannot be written (No space left on device)"),
        ("vaerun nonsense 2>&-", 2, b""),
        ("vaerun nonsense 2> /dev/full", 2, b""),
    ],
)
def test_a_stream_that_takes_nothing_is_no_bug(line: str, code: int, said: bytes) -> None:
    done = vaerun(line)
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith(said)
    assert done.stderr.count(b"\n") == (1 if said else 0)

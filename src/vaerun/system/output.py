"""Standard output and standard error, which can be closed, full, or unable to show a character."""

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from pathlib import Path

STEERING = {
    code: f"\\u{code:04x}"  # also valid in JSON
    for code in (*range(32), *range(127, 160), *range(0x200E, 0x2010), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
    if chr(code) not in "\n\t"
}
"""Characters that move the cursor, change colours, or turn the direction of a line."""


def prepare() -> None:
    """Makes print safe: characters that the terminal's encoding does not have are replaced; closed streams are opened.

    A closed standard stream must not stay free: the next file that is opened would take its number, and whatever a
    library prints would be written into that file.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        _replace_unprintable(stream)


def _replace_unprintable(stream: Any) -> None:
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="replace")


def give_up(stream: TextIO) -> None:
    """Sends a stream to nowhere, because Python would otherwise print an error when it flushes it at the exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def say(text: str) -> None:
    """Prints a text on stderr; where that is closed or full, nobody can be told, and the program goes on."""
    try:
        print(text, file=sys.stderr, flush=True)
    except (OSError, ValueError):
        give_up(sys.stderr)


def shown(path: "Path", folder: "Path | None" = None) -> str:
    """The path from a folder, by default the current one, if it is below it; otherwise the path from the root."""
    whole = path.absolute()
    folder = type(path).cwd() if folder is None else folder
    return str(whole.relative_to(folder) if whole.is_relative_to(folder) else whole)


def is_of_print(error: OSError) -> bool:
    """Whether the error came from printing: it has no file name, and the line of code that raised it prints."""
    from traceback import extract_tb

    frames = extract_tb(error.__traceback__)
    return error.filename is None and bool(frames) and "print(" in (frames[-1].line or "")


def printable(text: str) -> str:
    """The text without the characters that steer a terminal, each as its code: a file of a stranger may hold them."""
    return text.translate(STEERING)

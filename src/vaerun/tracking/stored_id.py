"""The identifier of a run at a tracking service, kept in the run directory so that a resumed run continues there."""

import re
from pathlib import Path

from vaerun.system.files import read
from vaerun.system.whole_file import write

SHAPE = re.compile(r"[0-9a-z]{4,64}")


def stored(path: Path) -> str | None:
    """The identifier in a file; None where there is no file, or something else in it."""
    if not path.exists():
        return None
    text = read(path, most=100).decode(errors="replace").strip()
    return text if SHAPE.fullmatch(text) else None


def store(path: Path, identifier: str) -> None:
    """Writes the identifier into the file."""
    write(path, f"{identifier}\n".encode())

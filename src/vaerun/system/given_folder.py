"""Folders that a user gives from Python."""

import os
from pathlib import Path
from typing import Any

from vaerun.errors import UserError


def given_folder(name: str, given: Any) -> Path:
    """The path of a folder. An empty text is refused, because it would be the current folder by accident.

    Args:
        name: what the argument is called, for the error message.
        given: anything.

    Raises:
        UserError: it is not a path.
    """
    if not isinstance(given, (str, os.PathLike)) or not isinstance(found := os.fspath(given), str) or not found:
        shown = repr(given) if isinstance(given, (str, bytes, int, float, list, tuple)) else type(given).__name__
        raise UserError(f"{name} must be the path of a folder, such as 'runs/a', got {shown}.")
    return Path(found)

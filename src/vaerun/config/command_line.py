"""A command that is printed for the user to copy: it works in a shell that has none of the variables of this one."""

import os
import shlex
from pathlib import Path

from vaerun.config.trust import KEY, trusted

VARIABLES = ("VAERUN_CONF", "PYTHONPATH")  # where the user's own options and code are


def command_line(*words: str, started_in: Path | None = None) -> str:
    """The words as a shell reads them, with the packages that are trusted, and the variables that find own code.

    Args:
        words: of the command, such as vaerun, sweep, DIR.
        started_in: the folder in which vaerun was started, if the command is for another one: Python counts the
            relative folders in PYTHONPATH from there.
    """
    given = {name: os.environ[name] for name in VARIABLES if os.environ.get(name)}
    if started_in is not None and "PYTHONPATH" in given:
        folders = [str(started_in / folder) for folder in given["PYTHONPATH"].split(os.pathsep)]
        given["PYTHONPATH"] = os.pathsep.join(folders)
    names = ",".join(trusted())
    trust = [f"{KEY}=[{names}]" if "," in names else f"{KEY}={names}"] if names else []
    return " ".join([*(f"{name}={shlex.quote(value)}" for name, value in given.items()), shlex.join([*words, *trust])])

"""What can go wrong, by whose doing: the exit code of the command follows from the class."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """A choice of the user that cannot work. The message is one sentence: what, why, the remedy. Exit code 2."""

    exit_code = 2


class RunError(Exception):
    """A failure of the run itself. Exit code 1."""

    exit_code = 1


class DivergedError(RunError):
    """A value that must be finite is not; the message names the quantity."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C or SIGTERM, after the state was saved. Exit code 130.

    A KeyboardInterrupt, so that a sweep stops as a whole instead of starting its next job.
    """

    exit_code = 130


def close_match(word: str, choices: Iterable[str]) -> str:
    """Returns " Did you mean 'x'?" for the nearest of ``choices``, or nothing where none is near."""
    near = difflib.get_close_matches(word, list(choices), n=1, cutoff=0.6)
    return f" Did you mean {near[0]!r}?" if near else ""

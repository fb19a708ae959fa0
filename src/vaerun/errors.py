"""The exceptions of vaerun; the class decides the exit code of a command."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """An error of the user. The message is one sentence: the rule, the value, the remedy. Exit code 2."""

    exit_code = 2


class RunError(Exception):
    """A failure of the run. Exit code 1."""

    exit_code = 1


class DivergedError(RunError):
    """A value is not finite; the message names the quantity."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C or SIGTERM, after the state was saved. Exit code 130.

    A KeyboardInterrupt, so that a sweep stops as a whole instead of starting its next job.
    """

    exit_code = 130


def close_match(word: str, choices: Iterable[str]) -> str:
    """Returns " Did you mean 'x'?" for the nearest of ``choices``, or an empty string if no choice is similar."""
    near = difflib.get_close_matches(word, list(choices), n=1, cutoff=0.6)
    return f" Did you mean {near[0]!r}?" if near else ""

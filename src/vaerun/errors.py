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


def close_key(key: str, known: Iterable[str]) -> str:
    """Returns " Did you mean 'group.x'?" for the nearest of the keys ``known``, or nothing where none is near.

    Two keys are alike by their last words: equal ones first, then close ones beside ``key``, then close ones anywhere.
    """
    keys = list(dict.fromkeys(known))
    group, last = _divided(key)
    beside = [other for other in keys if _divided(other)[0] == group]
    words = list(dict.fromkeys(_divided(other)[1] for other in keys))
    for near in (
        [other for other in keys if _divided(other)[1] == last and other != key],
        _with_last(difflib.get_close_matches(last, [_divided(other)[1] for other in beside], n=1), beside),
        _with_last(difflib.get_close_matches(last, words, n=1), keys),
    ):
        if near:
            nearest = difflib.get_close_matches(key, near, n=1, cutoff=0.0)
            return f" Did you mean {nearest[0]!r}?"
    return "" if beside else close_match(key, keys)  # as wholes, keys of one group are alike already for its name


def _divided(key: str) -> tuple[str, str]:
    """``trainer.records.every`` as the group ``trainer.records`` and the last word ``every``; so for slashes."""
    group, _, last = key.replace("/", ".").rpartition(".")
    return group, last


def _with_last(words: Iterable[str], keys: Iterable[str]) -> list[str]:
    return [key for word in words for key in keys if _divided(key)[1] == word]

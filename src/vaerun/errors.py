"""The exceptions of vaerun; the class decides the exit code of a command."""

import difflib
from collections.abc import Iterable

RAISED = (Exception, SystemExit)
"""What the code of a user can raise; ``sys.exit`` in it must not end vaerun without a sentence."""


class SentenceError(Exception):
    """The message is one sentence in one line: a value in it, which may come from a file of a stranger, stays in it."""

    def __init__(self, message: str = "") -> None:
        super().__init__(one_line(message))


class UserError(SentenceError):
    """An error of the user. The message is one sentence: the rule, the value, the remedy. Exit code 2."""

    exit_code = 2


class MissingPackageError(UserError):
    """A package that a choice needs is not installed.

    Args:
        choice: what needs it, as in ``data=table``.
        package: its name.
        extra: the extra of vaerun that installs it; empty if none does.
    """

    def __init__(self, choice: str, package: str, *, extra: str) -> None:
        install = f"'vaerun[{extra}]'" if extra else package
        super().__init__(f"{choice} needs {package}, which is not installed: run pip install {install}.")


class RunError(SentenceError):
    """A failure of the run. Exit code 1."""

    exit_code = 1


class DivergedError(RunError):
    """A value is not finite; the message names the quantity.

    Args:
        message: for the user.
        step: the training step at which it was noticed.
    """

    def __init__(self, message: str, step: int = 0) -> None:
        super().__init__(message)
        self.step = step


class Interrupted(KeyboardInterrupt):
    """A signal such as Ctrl-C or SIGTERM, after the state was saved. Exit code 130.

    A KeyboardInterrupt, so that a sweep stops as a whole instead of starting its next job.
    """

    exit_code = 130


def one_line(text: str) -> str:
    """The text with line breaks, and other characters that cannot be printed, as they are written in Python."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


def counted(count: int, one: str, several: str = "") -> str:
    """``1 point``, ``1,000 points``: a number with its noun, and with a verb where ``several`` is given.

    Args:
        count: the number.
        one: the words for one.
        several: the words for another number; by default ``one`` with an s.
    """
    return f"{count:,} {one if count == 1 else several or f'{one}s'}"


def close_match(word: str, choices: Iterable[str]) -> str:
    """Returns " Did you mean 'x'?" for the nearest of ``choices``, or an empty string if no choice is similar."""
    near = difflib.get_close_matches(word, list(choices), n=1, cutoff=0.6)
    return f" Did you mean {near[0]!r}?" if near else ""


def close_key(key: str, known: Iterable[str]) -> str:
    """Returns " Did you mean 'group.x'?" for the nearest of the keys ``known``, or an empty string if none is similar.

    First come keys that differ in a letter or a separator; then up to three keys with the same last word, because a key
    may have moved to another group; then a key with a similar last word, preferably of the same group.
    """
    keys = list(dict.fromkeys(known))
    group, last = _divided(key)
    beside = [other for other in keys if _divided(other)[0] == group]
    same = [other for other in keys if _divided(other)[1] == last and other != key]
    near = (
        _nearest(key, keys, count=1, cutoff=0.9)
        or _nearest(key, same, count=3, cutoff=0.0)
        or _nearest(key, _with_similar_last(last, beside), count=1, cutoff=0.0)
        or _nearest(key, _with_similar_last(last, keys), count=1, cutoff=0.0)
    )
    if near:
        return f" Did you mean {' or '.join(map(repr, near))}?"
    return "" if beside else close_match(key, keys)  # whole keys of one group are similar by its name alone


def _divided(key: str) -> tuple[str, str]:
    """``trainer.records.every`` as the group ``trainer.records`` and the last word ``every``; so for slashes."""
    group, _, last = key.replace("/", ".").rpartition(".")
    return group, last


def _nearest(key: str, keys: Iterable[str], *, count: int, cutoff: float) -> list[str]:
    """The keys that are most similar to ``key``, without regard to separators."""
    whole = {_words(other): other for other in reversed(list(keys)) if other != key}
    return [whole[words] for words in difflib.get_close_matches(_words(key), whole, n=count, cutoff=cutoff)]


def _with_similar_last(last: str, keys: Iterable[str]) -> list[str]:
    """The keys whose last word is most similar to ``last``."""
    words = {_divided(key)[1]: key for key in keys}
    near = difflib.get_close_matches(last, words, n=1, cutoff=0.6)
    return [key for key in keys if near and _divided(key)[1] == near[0]]


def _words(key: str) -> str:
    return key.replace("/", " ").replace(".", " ").replace("_", " ")

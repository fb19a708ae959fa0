"""``data.path=FILE`` on a command line about a trained run. It imports no torch."""

from collections.abc import Sequence


def path_in(words: Sequence[str]) -> str | None:
    """The value of the last ``data.path=FILE`` among the words of a command line; None if there is none."""
    given = [word.partition("=")[2] for word in words if is_path(word)]
    return given[-1] if given else None


def is_path(word: str) -> bool:
    """Whether a word of a command line sets ``data.path``."""
    return word.lstrip("+").startswith("data.path=")

"""The packages whose classes may be built: vaerun itself, and those that the user names.

A class of a package runs its code. The user names a package on the command line (``trust=mylab``), in the environment
(``VAERUN_TRUST=mylab``) or in Python (``trust="mylab"``), and never in a file: a file may come from a stranger.
"""

import os
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from vaerun.errors import UserError

OWN = "vaerun"
KEY = "trust"
VARIABLE = "VAERUN_TRUST"

_named: ContextVar[tuple[str, ...]] = ContextVar("_named", default=())


def trusted() -> tuple[str, ...]:
    """The packages that the user has named."""
    return _named.get()


@contextmanager
def trusting(names: Iterable[str]) -> Iterator[None]:
    """Inside the block, and only there, classes of these packages may be built."""
    before = _named.set(tuple(names))
    try:
        yield
    finally:
        _named.reset(before)


def named(names: str | Iterable[str], origin: str = KEY) -> tuple[str, ...]:
    """The names of packages in a text such as mylab or [mylab,other], or in a sequence.

    Args:
        names: the text or the sequence.
        origin: where they stand, for the message.

    Raises:
        UserError: one is not the name of a package.
    """
    words = names.strip("[]()'\" ").split(",") if isinstance(names, str) else list(names)
    made = tuple(dict.fromkeys(word.strip("'\" ") if isinstance(word, str) else word for word in words))
    for name in made:
        if not isinstance(name, str) or not name.isidentifier():
            raise UserError(
                f"{origin} takes the name of a package, without dots, got {name!r}: write {origin}=mylab, or "
                f"{origin}=[mylab,other] for several."
            )
    return made


def place_in(error: BaseException, packages: Iterable[str]) -> str:
    """The innermost line of these packages that an exception came through, as "FILE, line N"; empty if there is none.

    A package that the user has named is the user's own code, and a mistake in it is no internal error of vaerun.
    """
    names = tuple(packages)
    found = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] in names:
            path = Path(frame.f_code.co_filename)
            here = Path.cwd()
            found = f"{path.relative_to(here) if path.is_relative_to(here) else path}, line {line}"
    return found


def bug(error: BaseException, packages: Iterable[str], where: str) -> str:
    """The sentence about an exception that no user or run can cause: a bug of vaerun, or of a package of the user.

    Args:
        error: the exception.
        packages: those that the user has named.
        where: where its traceback is.
    """
    text = " ".join(str(error).split())
    place = place_in(error, packages)
    what = f"error in {place}" if place else "internal error"
    return f"{what}, {type(error).__name__}: {text} ({where})"


def from_environment() -> tuple[str, ...]:
    """The packages in ``VAERUN_TRUST``.

    Raises:
        UserError: one is not the name of a package.
    """
    text = os.environ.get(VARIABLE, "")
    return named(text, VARIABLE) if text.strip() else ()


def divided(argv: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """The words of a command line without ``trust=…``, and the packages that it or the environment names.

    Raises:
        UserError: a word names no package.
    """
    rest: list[str] = []
    names = list(from_environment())
    for word in argv:
        key, equals, value = word.partition("=")
        if equals and key.lstrip("+") == KEY:
            names += named(value)
        else:
            rest.append(word)
    return rest, tuple(dict.fromkeys(names))

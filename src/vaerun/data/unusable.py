"""Columns that cannot be part of x, and the words of a command line that leave them out or give them a type."""

import re
import shlex
from collections.abc import Sequence

from vaerun.errors import UserError


class UnusableColumnError(UserError):
    """A column that cannot be part of x.

    Args:
        name: of the column.
        why: what it holds, to complete "the column NAME …".
        instead: what to do besides leaving it out; empty for nothing.
        or_category: whether it can be made a category.
    """

    def __init__(self, name: str, why: str, instead: str = "", *, or_category: bool = False) -> None:
        category = f", or use {word('categorical', name)}" if or_category else ""
        self.name, self.why, self.instead = name, why, instead
        self.otherwise = category + (f", or {instead}" if instead else "")
        super().__init__(f"the column {name!r} {why}: leave it out, {word('drop', name)}{self.otherwise}.")


def unusable(errors: Sequence[UnusableColumnError], dropped: Sequence[str]) -> UserError:
    """The error about all columns that cannot be part of x, whose remedy keeps what is dropped already."""
    if len(errors) == 1 and not dropped:
        return errors[0]
    each = "; ".join(f"{error.name!r} {error.why}" for error in errors)
    these, them = ("these columns", "them") if len(errors) > 1 else ("this column", "it")
    drop = word("drop", *dropped, *(error.name for error in errors))
    instead = "".join(f", or {what}" for what in dict.fromkeys(error.instead for error in errors) if what)
    return UserError(f"{these} cannot be part of x: {each}. Leave {them} out, {drop}{instead}.")


def word(key: str, *names: str) -> str:
    """The word of a command line that gives a key these columns, quoted where the shell or Hydra needs it."""
    made = f"data.{key}=[{','.join(map(_quoted, names))}]"
    plain = all(re.fullmatch(r"[\w-]+", name) for name in names)
    return made if plain and '"' not in made else shlex.quote(made)


def _quoted(name: str) -> str:
    """The name of a column as Hydra reads it as a text."""
    if re.fullmatch(r"[A-Za-z_][\w*-]*", name) and name.lower() not in ("null", "true", "false", "inf", "nan"):
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

"""What is asked of the runs below some directories, as compare and report read it from their command lines."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vaerun.errors import UserError, close_match
from vaerun.report.comparison import Comparison, compare
from vaerun.report.matched import COSTS, parse
from vaerun.report.recorded import find

VALUED = ("--at", "--columns", "--sort")
PLAIN = ("--mixed",)


@dataclass
class Request:
    """The command line, read.

    Attributes:
        roots: directories with runs at or below them.
        values: of the flags that have one.
        flags: the others.
    """

    roots: list[Path] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    flags: set[str] = field(default_factory=set)

    def comparison(self) -> Comparison:
        """The runs, compared as asked; what looks like a run and is none goes to stderr.

        Raises:
            UserError: a cost cannot be read, there are no runs, or they cannot be compared.
        """
        at = parse(self.values["--at"]) if "--at" in self.values else None
        runs = list(find(self.roots, lambda said: print(f"vaerun: {said}", file=sys.stderr)))
        if not runs:
            places = ", ".join(map(str, self.roots))
            raise UserError(f"there is no run at or below {places}: name a directory that vaerun train has written to.")
        return compare(
            runs,
            at=at,
            mixed="--mixed" in self.flags,
            shown=self.values["--columns"].split(",") if "--columns" in self.values else None,
            sort=self.values.get("--sort"),
        )


def read_request(
    argv: Sequence[str], *, command: str, valued: Sequence[str] = (), plain: Sequence[str] = ()
) -> Request:
    """Roots, flags and their values, in any order.

    Args:
        argv: the words after the command's.
        command: for complaints.
        valued: the command's own flags with a value, beside those of a comparison.
        plain: its own flags without one.

    Raises:
        UserError: an unknown flag, one without its value, or a root that is not there.
    """
    request, rest = Request(), list(argv)
    valued, known = (*VALUED, *valued), (*VALUED, *valued, *PLAIN, *plain)
    while rest:
        word = rest.pop(0)
        flag, equals, value = word.partition("=")
        if not word.startswith("-"):
            request.roots.append(Path(word))
        elif flag in valued:
            if not equals and not (rest and not rest[0].startswith("--")):
                raise UserError(f"{flag} needs a value: see vaerun {command} --help.")
            request.values[flag] = value if equals else rest.pop(0)
        elif word in known:
            request.flags.add(word)
        else:
            near = close_match(flag, known)
            raise UserError(f"vaerun {command} has no flag {flag}.{near} It takes {', '.join(known)}.")
    _require_directories(request.roots, command)
    return request


def _require_directories(roots: Sequence[Path], command: str) -> None:
    for root in roots:
        if not root.is_dir():
            cost = str(root).partition("=")[0]
            hint = f" For runs at equal cost write --at {root}." if cost in COSTS else ""
            raise UserError(f"{root} is no directory: name one that vaerun train has written to.{hint}")
    if not roots:
        raise UserError(f"vaerun {command} needs a directory with runs below it, such as runs.")

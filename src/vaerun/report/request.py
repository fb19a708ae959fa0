"""The request of ``vaerun compare`` and ``vaerun report``: directories and settings of the comparison."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vaerun.errors import UserError
from vaerun.report.comparison import Comparison, compare
from vaerun.report.matched import parse
from vaerun.report.recorded import find
from vaerun.system.output import printable


@dataclass(frozen=True)
class Request:
    """Which runs to compare, and how.

    Args:
        roots: directories with runs at or below them.
        at: COST=AMOUNT, to compare at equal cost; None for the end of the runs.
        columns: the metrics to show; None for those that answer the question.
        sort: the column to order by; None for the bound.
        mixed: whether data, binarisation or splits may differ.

    Raises:
        UserError: a root is not a directory.
    """

    roots: Sequence[Path]
    at: str | None = None
    columns: Sequence[str] | None = None
    sort: str | None = None
    mixed: bool = False

    def __post_init__(self) -> None:
        for root in self.roots:
            if not root.is_dir():
                raise UserError(f"{root} is not a directory: give one that vaerun train has written to.")

    def comparison(self) -> Comparison:
        """The comparison; directories that only look like runs are reported on stderr.

        Raises:
            UserError: a cost cannot be read, there are no runs, or they cannot be compared.
        """
        at = None if self.at is None else parse(self.at)
        runs = list(find(self.roots, lambda said: print(f"vaerun: {printable(said)}", file=sys.stderr)))
        if not runs:
            places = ", ".join(map(str, self.roots))
            raise UserError(f"there is no run at or below {places}: give a directory that vaerun train has written to.")
        return compare(runs, at=at, mixed=self.mixed, shown=self.columns, sort=self.sort)

"""``vaerun compare`` from Python."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vaerun.errors import UserError
from vaerun.report.budget import said
from vaerun.report.cell import cells
from vaerun.report.comparison import compare as compared
from vaerun.report.matched import parse
from vaerun.report.recorded import find
from vaerun.system.given_folder import given_folder


def compare(
    *roots: Path | str,
    at: str | None = None,
    columns: Sequence[str] | str | None = None,
    sort: str | None = None,
    mixed: bool = False,
) -> list[dict[str, Any]]:
    """The rows of ``vaerun compare ROOT …``: one dict for each configuration, the best first.

    A row has ``name``, ``seeds``, ``status``, and for every column its mean over seeds and the half width
    ``COLUMN:half_width`` of the 95 % interval; ``pandas.DataFrame(vaerun.compare("runs"))`` is the table. The budgets
    in which the runs differ, and the notes that ``vaerun compare`` prints below its table, are warnings.

    Args:
        roots: directories with runs at or below them.
        at: compare at equal cost: ``steps=1000``, ``seconds=60`` or ``decoder_evaluations=1e6``.
        columns: the metrics to show; None for those that answer the question.
        sort: the column to order by; None for the bound.
        mixed: also compare runs whose data, binarisation or splits differ.

    Raises:
        UserError: there are no runs, an argument is wrong, or the runs cannot be compared.
    """
    runs = list(
        find([given_folder("every root", root) for root in roots], lambda fault: warnings.warn(fault, stacklevel=4))
    )
    if not roots:
        raise UserError("compare needs a directory with runs at or below it: give one, such as compare('runs').")
    if not runs:
        raise UserError(f"there is no run at or below {', '.join(map(str, roots))}: give a directory of runs.")
    columns = columns.split(",") if isinstance(columns, str) else columns
    comparison = compared(
        runs,
        at=None if at is None else parse(str(at)),
        mixed=mixed,
        shown=columns,
        sort=sort,
    )
    if comparison.budgets:
        warnings.warn(f"the budgets differ: {said(comparison.budgets)}", stacklevel=2)
    for note in comparison.notes:
        warnings.warn(note, stacklevel=2)
    made = {column.name: cells(comparison.rows, column) for column in comparison.columns}
    rows = []
    for place, row in enumerate(comparison.rows):
        entry: dict[str, Any] = {"name": row.name, "seeds": row.seeds, "status": row.status}
        for name, column in made.items():
            cell = column[place]
            entry[name] = None if cell is None else cell.interval.mean
            entry[f"{name}:half_width"] = None if cell is None else cell.interval.half_width
        rows.append(entry)
    return rows

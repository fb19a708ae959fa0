"""Compare runs.

Prints one row per configuration over all runs and jobs of sweeps at or below ROOT. Runs that differ in the seed alone
are averaged: ± is then the 95 % confidence interval of the mean (Student's t over the seeds). With a single seed, (±)
is the interval over data points, which does not include the variation over seeds. Runs that failed, diverged, were
interrupted or are still running keep their row, with the reason below the table. On a CPU, peak memory is that of the
process, which the jobs of a sweep may share.

Examples:
  vaerun compare runs
  vaerun compare runs/2026-11-22 --at decoder_evaluations=1e6 --columns elbo,seconds
  vaerun compare runs --sort amortization_gap --markdown
"""

import shutil
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from vaerun.command.parser import parse
from vaerun.errors import UserError
from vaerun.report.comparison import Comparison
from vaerun.report.export import to_csv, to_json, to_latex, to_markdown
from vaerun.report.matched import COSTS
from vaerun.report.request import Request
from vaerun.report.text import render
from vaerun.system.output import printable

FORMATS = {"csv": to_csv, "json": to_json, "latex": to_latex, "markdown": to_markdown}  # by flag


def main(argv: Sequence[str]) -> int:
    """Prints the comparison; returns the exit code.

    Raises:
        UserError: there are no runs, an argument is wrong, two formats are given, or the runs cannot be compared.
    """
    given = parse("compare", argv)
    formats = [name for name in FORMATS if getattr(given, name)]
    if len(formats) > 1:
        raise UserError(f"{' and '.join(f'--{name}' for name in formats)} cannot be used together: choose one.")
    write = FORMATS[formats[0]] if formats else on_the_terminal
    print(printable(write(requested("compare", given).comparison())))
    return 0


def requested(command: str, given: Namespace) -> Request:
    """The request of a ``vaerun compare`` or ``vaerun report`` command line.

    Raises:
        UserError: no root is given, or a root is not a directory.
    """
    roots = [Path(word) for word in given.words]
    for word, root in zip(given.words, roots, strict=True):
        if word.partition("=")[0] in COSTS and not root.exists():
            raise UserError(f"{word} is not a directory: to compare at equal cost write --at {word}.")
    if not roots:
        raise UserError(f"vaerun {command} needs a directory with runs below it, such as runs.")
    columns = None if given.columns is None else given.columns.split(",")
    return Request(roots, given.at, columns, given.sort, given.mixed)


def on_the_terminal(comparison: Comparison) -> str:
    """The comparison as a table that fits the terminal."""
    return render(comparison, max(40, shutil.get_terminal_size((100, 24)).columns))

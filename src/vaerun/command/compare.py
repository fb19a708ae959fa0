"""Compare runs: vaerun compare ROOT ... [--at COST=AMOUNT] [--columns A,B] [--sort A] [--json]

One row per configuration over all runs and sweep jobs below ROOT; what differs in the seed alone is averaged.

  --at steps=1000      validation bounds at equal cost: the last one recorded by then; also seconds=60 (of training),
                       decoder_evaluations=1e6. Without --at: the test figures at the end of completed runs
  --columns elbo,iwae_100,seconds   any figures that the runs have recorded, those of vaerun eval included
  --sort COLUMN        best first; without it, by the ELBO
  --mixed              also where data, binarisation or splits differ, which is refused otherwise
  --json, --csv, --latex, --markdown   instead of the table, and nothing else on stdout

Of several seeds, ± is the 95 % interval of their mean (Student's t over the seeds). Of a single seed, (±) is that over
the data points, which says nothing of other seeds. Failed, diverged, interrupted and running runs keep their row, with
the reason below the table. On a CPU, peak memory is that of the process, which the jobs of a sweep may share.

Examples:
  vaerun compare runs
  vaerun compare runs/2026-11-22 --at decoder_evaluations=1e6 --columns elbo,seconds
  vaerun compare runs --sort amortization_gap --markdown
"""

import shutil
from collections.abc import Sequence

from vaerun.errors import UserError
from vaerun.report.comparison import Comparison
from vaerun.report.export import to_csv, to_json, to_latex, to_markdown
from vaerun.report.request import Request, read_request
from vaerun.report.text import render

FORMATS = {"--json": to_json, "--csv": to_csv, "--latex": to_latex, "--markdown": to_markdown}


def main(argv: Sequence[str]) -> int:
    """Prints the comparison; returns the exit code.

    Raises:
        UserError: there are no runs, a word cannot be read, two formats are asked for, or the runs cannot be compared.
    """
    request = read_request(argv, command="compare", plain=tuple(FORMATS))
    formats = sorted(request.flags & set(FORMATS))
    if len(formats) > 1:
        raise UserError(f"{' and '.join(formats)} cannot be had at once: choose one.")
    print(written(request.comparison(), request))
    return 0


def written(comparison: Comparison, request: Request) -> str:
    """The comparison in the format asked for."""
    for flag, export in FORMATS.items():
        if flag in request.flags:
            return export(comparison)
    return render(comparison, max(40, shutil.get_terminal_size((100, 24)).columns))

"""Write an HTML report of runs.

Writes FOLDER/index.html, a single file that any browser opens without a network, and the plots as SVG and PNG files
in FOLDER/figures. FOLDER is ROOT/report unless --out is given. The report shows:
  the answer in one sentence, and the table of vaerun compare
  the validation bound against steps, training seconds and decoder evaluations, with 95 % bands over seeds
  approximation, amortization and inference gaps, if vaerun eval evaluation=gap computed them
  the variance of gradients, if it was recorded
  of a search (hydra/sweeper=optuna): its history, the importance of each key, and the Pareto front
  samples and reconstructions that training recorded
  the settings in which configurations differ, and for each run that did not complete, the reason

It needs matplotlib: pip install 'vaerun[report]'.

Examples:
  vaerun report runs
  vaerun report runs/2026-11-22 --at seconds=60 --out report-60s
"""

from collections.abc import Sequence
from pathlib import Path

from vaerun.command.compare import requested
from vaerun.command.parser import parse
from vaerun.errors import UserError
from vaerun.report.page.plot import require_matplotlib
from vaerun.system.files import refused


def main(argv: Sequence[str]) -> int:
    """Writes the report and prints its path; returns the exit code.

    Raises:
        UserError: there are no runs, an argument is wrong, the runs cannot be compared, or matplotlib is missing.
    """
    given = parse("report", argv)
    request = requested("report", given)
    if given.out is None and len(request.roots) > 1:
        raise UserError(
            f"--out must be given for several directories, got {len(request.roots)}: choose the folder with --out."
        )
    require_matplotlib()
    from vaerun.report.page.write import report_files, write

    folder = request.roots[0] / "report" if given.out is None else Path(given.out)
    if given.out is None and folder.is_symlink():
        raise refused(folder)
    report_files(folder)  # before the runs are read, so that an error in --out is reported at once
    print(write(request.comparison(), folder))
    return 0

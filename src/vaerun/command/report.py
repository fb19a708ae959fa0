"""Write one HTML page about runs.

Writes FOLDER/index.html, which any browser opens without a network, and its figures as SVG and PNG files into
FOLDER/figures. The page has
  the conclusion in a sentence, and the table of vaerun compare
  the validation bound against steps, training seconds and decoder evaluations, with 95 % bands over seeds
  the gaps, where vaerun eval evaluation=gap was run, and the variance of gradients
  samples and reconstructions that were recorded during training
  how the configurations differ, and why a run failed
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
from vaerun.report.page.canvas import require_matplotlib


def main(argv: Sequence[str]) -> int:
    """Writes the page and prints its path; returns the exit code.

    Raises:
        UserError: there are no runs, a word cannot be read, the runs cannot be compared, or there is no matplotlib.
    """
    given = parse("report", argv)
    request = requested("report", given)
    if given.out is None and len(request.roots) > 1:
        raise UserError(f"{len(request.roots)} directories have no report in common: name its folder with --out.")
    require_matplotlib()
    from vaerun.report.page.write import own, write

    folder = request.roots[0] / "report" if given.out is None else Path(given.out)
    own(folder)  # refused before the runs are read
    print(write(request.comparison(), folder))
    return 0

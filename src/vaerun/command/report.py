"""One page about runs: vaerun report ROOT ... [--out FOLDER] [--at COST=AMOUNT] [--columns A,B] [--sort A] [--mixed]

Writes FOLDER/index.html, which opens in any browser and without a network, and its figures as SVG and PNG files into
FOLDER/figures; FOLDER is ROOT/report where none is named. The page has
  the answer in a sentence, and the table of vaerun compare
  the validation bound against steps, training seconds and decoder evaluations, with 95 % bands over seeds
  the gaps, where vaerun eval evaluation=gap has found them, and the variance of gradients
  samples and reconstructions as the runs have drawn them
  every configuration as its difference from the others, and why a run failed

  --at steps=1000      validation bounds at equal cost; also seconds=60, decoder_evaluations=1e6
  --columns elbo,seconds   of the table
  --sort COLUMN        best first; without it, by the ELBO
  --mixed              also where data, binarisation or splits differ

It needs matplotlib: pip install 'vaerun[report]'.

Examples:
  vaerun report runs
  vaerun report runs/2026-11-22 --at seconds=60 --out report-60s
"""

from collections.abc import Sequence
from pathlib import Path

from vaerun.errors import UserError
from vaerun.report.page.canvas import require_matplotlib
from vaerun.report.request import read_request


def main(argv: Sequence[str]) -> int:
    """Writes the page and prints its path; returns the exit code.

    Raises:
        UserError: there are no runs, a word cannot be read, the runs cannot be compared, or there is no matplotlib.
    """
    request = read_request(argv, command="report", valued=("--out",))
    if "--out" not in request.values and len(request.roots) > 1:
        raise UserError(f"{len(request.roots)} directories have no report in common: name its folder with --out.")
    require_matplotlib()
    from vaerun.report.page.write import own, write

    folder = Path(request.values.get("--out", request.roots[0] / "report"))
    own(folder)  # refused before the runs are read
    print(write(request.comparison(), folder))
    return 0

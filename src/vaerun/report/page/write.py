"""The HTML report as files: index.html, and the folder figures/ beside it."""

import re
from pathlib import Path

from vaerun.errors import UserError
from vaerun.report.comparison import Comparison
from vaerun.report.page.document import document
from vaerun.report.page.plot import require_matplotlib
from vaerun.system import files

GENERATOR = '<meta name="generator" content="vaerun report'  # as templates/report.html has it
LARGEST = 2**27  # bytes of a report's page
LINK = re.compile(r'href="figures/([\w.-]+\.(?:svg|png))"')


def write(comparison: Comparison, folder: Path) -> Path:
    """Writes the report into ``folder`` and returns the path of index.html.

    An earlier report in the folder is replaced; files that it did not write stay.

    Raises:
        UserError: matplotlib is not installed, the folder cannot be written, or it holds something other than a report.
    """
    require_matplotlib()
    from vaerun.image.grid import save

    index = folder / "index.html"
    before = report_files(folder)
    made = document(comparison, folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        figures = files.folder(folder / "figures")
        for name in before - made.files.keys():
            (figures / name).unlink(missing_ok=True)
        for name, content in made.files.items():
            save(figures / name, content)
        save(index, made.html.encode())
    except OSError as error:
        raise UserError(f"{folder} cannot be written ({error.strerror}): choose another folder with --out.") from None
    return index


def report_files(folder: Path) -> set[str]:
    """The names of the files in figures/ that belong to the report in ``folder``: those that its page links to.

    Raises:
        UserError: the folder is a run directory, or its index.html is not a report.
    """
    if any((folder / name).exists() for name in ("config.yaml", "summary.json", "checkpoints")):
        raise UserError(
            f"{folder} is a run directory, and a report must not be written there: choose another folder with --out."
        )
    index = folder / "index.html"
    if not index.exists():
        return set()
    text = files.read(index, most=LARGEST).decode(errors="replace")
    if GENERATOR not in text:
        raise UserError(f"{index} was not written by vaerun report: choose another folder with --out.")
    return set(LINK.findall(text))

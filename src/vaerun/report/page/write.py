"""The page as files: index.html, and figures/ beside it."""

import re
from pathlib import Path

from vaerun.errors import UserError
from vaerun.report.comparison import Comparison
from vaerun.report.page.canvas import require_matplotlib
from vaerun.report.page.document import GENERATOR, page

LINK = re.compile(r'href="figures/([\w.-]+\.(?:svg|png))"')


def write(comparison: Comparison, folder: Path) -> Path:
    """Writes the page into ``folder`` and returns its path; of a report that is there already, only its own files go.

    Raises:
        UserError: matplotlib is not installed, or the folder cannot be written, or holds a page of something else.
    """
    require_matplotlib()
    from vaerun.image.grid import save

    index = folder / "index.html"
    before = own(folder)
    made = page(comparison, folder)
    try:
        (folder / "figures").mkdir(parents=True, exist_ok=True)
        for name in before - made.files.keys():
            (folder / "figures" / name).unlink(missing_ok=True)
        for name, content in made.files.items():
            save(folder / "figures" / name, content)
        save(index, made.html.encode())
    except OSError as error:
        raise UserError(f"{folder} cannot be written, {error.strerror}: name another folder with --out.") from None
    return index


def own(folder: Path) -> set[str]:
    """The figures of the report that stands in ``folder``, which are those that its page has links to.

    Raises:
        UserError: the folder is that of a run, or holds a page that is no report.
    """
    if any((folder / name).exists() for name in ("config.yaml", "summary.json", "checkpoints")):
        raise UserError(f"{folder} is the directory of a run, which a report leaves alone: name another with --out.")
    index = folder / "index.html"
    if not index.exists():
        return set()
    text = index.read_text(encoding="utf-8", errors="replace")
    if GENERATOR not in text:
        raise UserError(f"{index} is not a report of vaerun's, and is left alone: name another folder with --out.")
    return set(LINK.findall(text))

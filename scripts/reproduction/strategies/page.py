"""docs/strategies.md: what stands between its marks comes from the stored figures, the rest is written by hand."""

import re
from pathlib import Path

from reproduction.strategies.results import Results
from reproduction.strategies.tables import sections

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGE, STORED, PICTURE = DOCS / "strategies.md", DOCS / "reproduced" / "strategies.json", DOCS / "strategies.svg"


def filled(page: str, results: Results) -> str:
    """The page with all generated parts.

    Raises:
        ValueError: the marks of a part are missing or stand there twice, or marks have no part.
    """
    parts = sections(results)
    marked = re.findall(r"^<!-- begin (\S+) -->$", page, re.MULTILINE)
    if sorted(marked) != sorted(parts):
        raise ValueError(f"docs/strategies.md must have the marks of {sorted(parts)} once each, got {sorted(marked)}.")
    for name, text in parts.items():
        begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
        before, rest = page.split(begin)
        page = f"{before}{begin}\n\n{text}\n\n{end}{rest.split(end)[1]}"
    return page

"""The page: what stands between the marks of a paper comes from its stored table, the rest is written by hand."""

import re
from collections.abc import Mapping
from pathlib import Path

from reproduction.table import Table, read

TOP = Path(__file__).resolve().parents[2]
PAGE, STORED = TOP / "docs" / "reproduced.md", TOP / "docs" / "reproduced"

OWN = "strategies"
"""The results of no paper, which have a page of their own."""


def marks(paper: str) -> tuple[str, str]:
    """The lines around the section of a paper."""
    return f"<!-- begin {paper} -->", f"<!-- end {paper} -->"


def stored() -> dict[str, Table]:
    """All stored tables by paper."""
    return {path.stem: read(path) for path in sorted(STORED.glob("*.json")) if path.stem != OWN}


def filled(page: str, tables: Mapping[str, Table]) -> str:
    """The page with the sections of all tables.

    Raises:
        ValueError: the page has no marks of a paper, or marks of a paper without a table.
    """
    for paper, table in tables.items():
        begin, end = marks(paper)
        if page.count(begin) != 1 or page.count(end) != 1:
            raise ValueError(f"docs/reproduced.md must have the lines {begin!r} and {end!r} once each.")
        before, rest = page.split(begin)
        page = f"{before}{begin}\n\n{table.markdown()}\n\n{end}{rest.split(end)[1]}"
    marked = set(re.findall(r"^<!-- begin (\S+) -->$", page, re.MULTILINE))
    if marked != set(tables):
        raise ValueError(f"docs/reproduced.md has marks of {sorted(marked - set(tables))}, which has no stored table.")
    return page

"""What the head of a file of conf/experiment says: the paper, and the figures to expect."""

import re
from pathlib import Path
from typing import NamedTuple

CONF = Path(__file__).resolve().parents[2] / "conf" / "experiment"
FIGURE = re.compile(r"^(\S+) = (-?[\d.]+), spread (?:not given|([\d.]+).*)$")


class Published(NamedTuple):
    """A published figure, and its spread if the source gives one."""

    value: float
    spread: float | None


class Head(NamedTuple):
    """The comments at the top of an experiment."""

    paper: str
    expected: list[str]

    def figures(self) -> dict[str, Published]:
        """The published figures by tag; expectations in words are left out."""
        found = (FIGURE.match(text) for text in self.expected)
        return {one[1]: Published(float(one[2]), float(one[3]) if one[3] else None) for one in found if one}


def head(name: str) -> Head:
    """What the file of ``experiment=NAME`` says.

    Raises:
        ValueError: it names no paper, or nothing that is expected.
    """
    lines = (CONF / f"{name}.yaml").read_text().splitlines()
    says = [line.removeprefix("# ") for line in lines if line.startswith("# ")]
    papers = [text.removeprefix("Paper: ") for text in says if text.startswith("Paper: ")]
    expected = [text.removeprefix("Expected: ") for text in says if text.startswith("Expected: ")]
    if len(papers) != 1 or not expected:
        raise ValueError(f"{name}.yaml must have one line '# Paper: …' and lines '# Expected: …'.")
    return Head(papers[0], expected)

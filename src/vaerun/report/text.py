"""The comparison as text for a terminal: columns that do not fit go into further blocks; the answer comes last."""

import textwrap
from collections.abc import Sequence

from vaerun.report.cell import Cell, cells
from vaerun.report.comparison import Comparison
from vaerun.report.row import TOLERANCE

ABSENT = "–"
GAP = "  "


def render(comparison: Comparison, width: int) -> str:
    """The table, a legend of its signs, the notes, and the answer."""
    parts = [table(comparison, width)]
    below = [*legend(comparison), *comparison.notes]
    if below:
        parts.append("\n".join(line for note in below for line in _wrapped(note, width)))
    parts.append("\n".join(textwrap.wrap(comparison.answer, width, break_long_words=False, break_on_hyphens=False)))
    return "\n\n".join(parts)


def table(comparison: Comparison, width: int) -> str:
    """The rows in blocks that fit the width; each block begins with the names."""
    room = max(16, 2 * width // 5)
    names = [textwrap.wrap(row.name, room, subsequent_indent="  ") or [""] for row in comparison.rows]
    first = _column("", names)
    columns = [_column("seeds", [[str(row.seeds)] for row in comparison.rows])]
    columns.append(
        _column("status", [row.status.replace(", ", ",\n").split("\n") for row in comparison.rows], left=True)
    )
    for column in comparison.columns:
        title = f"{column.title} (nat)" if column.unit == "nat" else column.title
        columns.append(_column(title, [[_text(cell)] for cell in cells(comparison.rows, column)]))
    blocks: list[list[list[list[str]]]] = [[first]]
    for made in columns:
        taken = sum(len(each[0][0]) + len(GAP) for each in blocks[-1])
        if len(blocks[-1]) > 1 and taken + len(made[0][0]) > width:
            blocks.append([first])
        blocks[-1].append(made)
    return "\n\n".join("\n".join(_lines(block)) for block in blocks)


def legend(comparison: Comparison) -> list[str]:
    """The legend of the signs that occur in the table."""
    shown = [cell for column in comparison.columns for cell in cells(comparison.rows, column) if cell is not None]
    kinds = {cell.interval.kind for cell in shown if cell.error}
    marks = {cell.mark for cell in shown}
    lines = []
    if comparison.at is not None:
        lines.append(
            f"values of the last validation at or before {comparison.at.words}: steps, seconds and decoder evaluations "
            f"are those of that moment"
        )
    if "seeds" in kinds:
        lines.append("x ± h    mean of the seeds and its 95 % interval over seeds (Student's t)")
    if "points" in kinds:
        lines.append("x (± h)  one seed, 95 % interval over data points (1.96 standard errors): other seeds may differ")
    if "*" in marks:
        lines.append(
            f"*        better than every other row: the 95 % intervals of the differences, over seeds, do not contain "
            f"0, and a cost is better by more than {TOLERANCE:.0%}"
        )
    if "~" in marks:
        lines.append(
            f"~        these cannot be told apart: the 95 % interval of the difference contains 0, or costs are within "
            f"{TOLERANCE:.0%}"
        )
    return lines


def _text(cell: Cell | None) -> str:
    return f"{ABSENT} " if cell is None else f"{cell.written()}{cell.mark or ' '}"


def _column(title: str, entries: Sequence[Sequence[str]], *, left: bool | None = None) -> list[list[str]]:
    """Title and entries of a column, as lines of equal width."""
    left = left if left is not None else not title
    widest = max((len(line) for entry in entries for line in entry), default=0)
    head = textwrap.wrap(title, max(widest, *(len(word) for word in title.split()), 6)) if title else [""]
    head = head if left else [f"{line} " for line in head]  # above the number, not above its mark
    wide = max(widest, *(len(line) for line in head))
    return [[line.ljust(wide) if left else line.rjust(wide) for line in entry] for entry in (head, *entries)]


def _lines(block: Sequence[Sequence[Sequence[str]]]) -> list[str]:
    """The lines of one block; titles stand at the bottom of their row, entries at the top."""
    lines = []
    for place, parts in enumerate(zip(*block, strict=True)):
        height = max(len(part) for part in parts)
        for number in range(height):
            words = []
            for part in parts:
                index = number - (height - len(part)) if place == 0 else number
                words.append(part[index] if 0 <= index < len(part) else " " * len(part[0]))
            lines.append(GAP.join(words).rstrip())
    return lines


def _wrapped(note: str, width: int) -> list[str]:
    return textwrap.wrap(
        note, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False, drop_whitespace=True
    ) if len(note) > width else [note]  # fmt: skip

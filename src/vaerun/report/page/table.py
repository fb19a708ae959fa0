"""The comparison's table in HTML, cell by cell what vaerun compare prints."""

from collections.abc import Iterator, Sequence
from html import escape

from vaerun.report.cell import Cell, cells
from vaerun.report.column import Column
from vaerun.report.comparison import Comparison
from vaerun.report.page.palette import Look, looks
from vaerun.report.row import Row
from vaerun.report.text import ABSENT, legend

FEW = 10  # notes that are shown without being asked for
MANY = 12  # lines that are shown without scrolling
SHAPES = {
    "o": '<circle cx="13" cy="6" r="4"/>',
    "s": '<rect x="9" y="2" width="8" height="8"/>',
    "^": '<path d="M13 1l5 9h-10z"/>',
    "D": '<path d="M13 0.5l5.5 5.5l-5.5 5.5l-5.5 -5.5z"/>',
    "v": '<path d="M13 11l5 -9h-10z"/>',
    "P": '<path d="M11 1h4v3h3v4h-3v3h-4v-3h-3v-4h3z"/>',
    "X": '<path d="M9 0l4 3.5l4 -3.5l2 2l-3.5 4l3.5 4l-2 2l-4 -3.5l-4 3.5l-2 -2l3.5 -4l-3.5 -4z"/>',
    "*": '<path d="M13 0l1.5 4.2h4.5l-3.6 2.7l1.4 4.6l-3.8 -2.8l-3.8 2.8l1.4 -4.6l-3.6 -2.7h4.5z"/>',
}


def table(comparison: Comparison) -> str:
    """The whole table in a box of its own."""
    columns = [cells(comparison.rows, column) for column in comparison.columns]
    heads = "".join(_head(column) for column in comparison.columns)
    lines = [
        f'<tr><th scope="row">{named(row.name, look)}<small>{escape(_standing(row))}</small></th>'
        f"{''.join(_cell(made[place]) for made in columns)}</tr>"
        for place, (row, look) in enumerate(zip(comparison.rows, looks(len(comparison.rows)), strict=True))
    ]
    return scrolling(f'<th scope="col">configuration</th>{heads}', lines, label="comparison")


def scrolling(heads: str, lines: Sequence[str], *, label: str) -> str:
    """A table in a box that scrolls, so that the page does not; a long one also downwards."""
    long = " long" if len(lines) > MANY else ""
    return (
        f'<div class="scroll{long}" tabindex="0" role="region" aria-label="{label}"><table>\n'
        f"<thead><tr>{heads}</tr></thead>\n<tbody>\n" + "\n".join(lines) + "\n</tbody></table></div>"
    )


def named(name: str, look: Look) -> str:
    """A configuration's name behind a piece of its line."""
    return f'<span class="name">{swatch(look)}<span>{escape(name)}</span></span>'


def swatch(look: Look) -> str:
    """A piece of the configuration's line."""
    dashes = ' stroke-dasharray="5 3"' if look.dashes == "--" else ""
    return (
        f'<svg class="swatch" viewBox="0 0 26 12" aria-hidden="true" fill="var({look.variable})" '
        f'stroke="var({look.variable})"><path d="M0 6h26" stroke-width="2"{dashes}/>'
        f'<g stroke="none">{SHAPES.get(look.marker, "")}</g></svg>'
    )


def _head(column: Column) -> str:
    unit = f"<small>{escape(column.unit)}</small>" if column.unit == "nat" else ""
    return f'<th scope="col">{escape(column.title)}{unit}</th>'


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return f'<td>{ABSENT}<span class="mark"></span></td>'
    number = f'<span class="best">{escape(cell.text)}</span>' if cell.mark == "*" else escape(cell.text)
    rest = cell.written().removeprefix(cell.text)
    error = f'<span class="error">{escape(rest)}</span>' if rest else ""
    return f'<td>{number}{error}<span class="mark">{cell.mark}</span></td>'


def _standing(row: Row) -> str:
    """How many seeds its figures are of, and how its runs stand if not all are completed."""
    seeds = f"{row.seeds} seed{'' if row.seeds == 1 else 's'}"
    return seeds if row.status == "completed" else f"{seeds} · {row.status}"


def notes(comparison: Comparison) -> str:
    """What the table's signs mean, and what must be known to read it."""
    lines = [" ".join(line.split()) for line in [*legend(comparison), *comparison.notes]]
    if not lines:
        return ""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines[:FEW])
    more = "".join(f"<li>{escape(line)}</li>" for line in lines[FEW:])
    folded = f"<details><summary>{len(lines) - FEW} more notes</summary><ul>{more}</ul></details>" if more else ""
    return f"<div><ul>{items}</ul>{folded}</div>"


def legend_list(names: Iterator[tuple[str, Look]]) -> str:
    """The lines of figures side by side, named once; those without a look of their own are counted."""
    items, others = [], 0
    for name, look in names:
        if look.marker:
            items.append(f"<li>{named(name, look)}</li>")
        else:
            others, last = others + 1, look
    if others:
        items.append(f"<li>{swatch(last)}{others} more</li>")
    return f'<ul class="legend">{"".join(items)}</ul>'

"""The page: the answer first, then the table, the figures, the pictures, the configurations, and what it all is of."""

import base64
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

from vaerun import __version__
from vaerun.report.comparison import Comparison
from vaerun.report.page.canvas import Drawn, drawn
from vaerun.report.page.configurations import configurations
from vaerun.report.page.figures import Section, headline, sections
from vaerun.report.page.pictures import TAGS, Gallery, galleries
from vaerun.report.page.provenance import provenance, title
from vaerun.report.page.sheet import style_sheet
from vaerun.report.page.table import legend_list, named, notes, table

GENERATOR = '<meta name="generator" content="vaerun report'


class Page(NamedTuple):
    """The document, and the files that stand beside it, by name."""

    html: str
    files: dict[str, bytes]


def page(comparison: Comparison, folder: Path) -> Page:
    """Draws everything.

    Args:
        comparison: what it is about.
        folder: where the page will stand.
    """
    files: dict[str, bytes] = {}
    first = headline(comparison)
    lead = _figure(drawn(first), files) if first is not None else ""
    body = [
        f"<header><p>{escape(title(comparison))}</p><h1>{escape(comparison.answer)}</h1></header>",
        table(comparison),
        f'<div class="lead">{lead}{notes(comparison)}</div>',
        *(_section(section, files) for section in sections(comparison)),
        _pictures(galleries(comparison.rows), files),
        configurations(comparison, folder),
        f"<footer>{provenance(comparison)}</footer>",
    ]
    head = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'{GENERATOR} {__version__}">\n<title>{escape(title(comparison))}</title>\n'
        f"<style>\n{style_sheet()}\n</style>\n</head>\n<body>\n<main>\n"
    )
    return Page(head + "\n".join(filter(None, body)) + "\n</main>\n</body>\n</html>\n", files)


def _section(section: Section, files: dict[str, bytes]) -> str:
    figures = "".join(_figure(drawn(drawing), files) for drawing in section.drawings)
    names = legend_list((one.name, one.look) for one in section.series) if section.series else ""
    return (
        f'<section id="{section.name}"><h2>{escape(section.title)}</h2>'
        f'<p class="caption">{escape(section.caption)}</p>{names}<div class="figures">{figures}</div></section>'
    )


def _figure(made: Drawn, files: dict[str, bytes]) -> str:
    """A figure with links to its files."""
    files |= {f"{made.name}.svg": made.svg, f"{made.name}.png": made.png}
    links = ", ".join(f'<a href="figures/{made.name}.{kind}">{kind.upper()}</a>' for kind in ("svg", "png"))
    return f"<figure><h3>{escape(made.title)}</h3>{made.inline}<figcaption>{links}</figcaption></figure>"


def _pictures(shown: Sequence[Gallery], files: dict[str, bytes]) -> str:
    if not shown:
        return ""
    cards = "".join(_card(place, gallery, files) for place, gallery in enumerate(shown, start=1))
    caption = "As drawn last in training, of one run of each configuration. " + _sentence(TAGS.values())
    return (
        f'<section id="pictures" class="pictures"><h2>What has the model learned?</h2>'
        f'<p class="caption">{escape(caption)}</p><div class="figures">{cards}</div></section>'
    )


def _card(place: int, gallery: Gallery, files: dict[str, bytes]) -> str:
    parts = []
    for picture in gallery.pictures:
        name = f"{place}_{picture.tag.replace('/', '_')}.png"
        files[name] = picture.png
        source = f"data:image/png;base64,{base64.b64encode(picture.png).decode()}"
        alt = f"{gallery.row.name}: {TAGS[picture.tag]}"
        parts.append(
            f'<img src="{source}" alt="{escape(alt)}"><figcaption>{escape(picture.tag)}, seed '
            f'{escape(str(gallery.run.seed))}, step {picture.step:,} · <a href="figures/{name}">PNG</a></figcaption>'
        )
    return f"<figure><h3>{named(gallery.row.name, gallery.look)}</h3>{''.join(parts)}</figure>"


def _sentence(parts: Iterable[str]) -> str:
    words = "; ".join(parts)
    return f"{words[0].upper()}{words[1:]}."

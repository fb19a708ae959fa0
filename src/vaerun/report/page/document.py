"""The HTML report: the answer first, then the table, plots, images, configurations, and where the numbers come from."""

from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from vaerun import __version__
from vaerun.report.comparison import Comparison
from vaerun.report.page.configurations import configurations, run_table, shared_settings
from vaerun.report.page.images import TAGS, Gallery, galleries
from vaerun.report.page.plot import RenderedPlot, render_plot
from vaerun.report.page.provenance import facts, meanings, title
from vaerun.report.page.section import Section
from vaerun.report.page.sections import headline, sections
from vaerun.report.page.style import color_variables
from vaerun.report.page.table import legend, notes, table
from vaerun.report.page.template import render


class Document(NamedTuple):
    """The HTML report, and the files in the folder figures/ beside it, by name."""

    html: str
    files: dict[str, bytes]


def document(comparison: Comparison, folder: Path) -> Document:
    """Renders everything.

    Args:
        comparison: the runs that are compared.
        folder: where the report will be written; run directories are given relative to it.
    """
    first = headline(comparison)
    lead = None if first is None else render_plot(first)
    rendered = [(section, [render_plot(plot) for plot in section.plots]) for section in sections(comparison)]
    shown = galleries(comparison.rows)
    values = text_values(comparison, folder)
    values |= {
        "lead": lead,
        "sections": [_section(section, plots) for section, plots in rendered],
        "galleries": [_gallery(number, gallery) for number, gallery in enumerate(shown, start=1)],
    }
    plots = [*([] if lead is None else [lead]), *(plot for _, some in rendered for plot in some)]
    files = {
        f"{plot.name}.{kind}": content for plot in plots for kind, content in (("svg", plot.svg), ("png", plot.png))
    }
    for number, gallery in enumerate(shown, start=1):
        files |= {_file(number, image.tag): image.png for image in gallery.images}
    return Document(render("report.html", **values), files)


def text_values(comparison: Comparison, folder: Path) -> dict[str, Any]:
    """What report.html shows besides plots and images."""
    return {
        "version": __version__,
        "title": title(comparison),
        "answer": comparison.answer,
        "colors": {"light": color_variables(dark=False), "dark": color_variables(dark=True)},
        "table": table(comparison),
        "notes": notes(comparison),
        "configurations": configurations(comparison),
        "runs": run_table(comparison, folder),
        "shared_settings": shared_settings(comparison),
        "facts": list(facts(comparison)),
        "meanings": meanings(comparison),
        "image_meanings": TAGS,
        "lead": None,
        "sections": [],
        "galleries": [],
    }


def _section(section: Section, plots: Sequence[RenderedPlot]) -> dict[str, Any]:
    return {**section._asdict(), "plots": plots, "legend": legend([(one.name, one.style) for one in section.series])}


def _gallery(number: int, gallery: Gallery) -> dict[str, Any]:
    images = [
        {
            "tag": image.tag,
            "step": image.step,
            "file": _file(number, image.tag),
            "base64": b64encode(image.png).decode(),
            "alt": f"{gallery.row.name}: {TAGS[image.tag]}",
        }
        for image in gallery.images
    ]
    return {"name": gallery.row.name, "style": gallery.style, "seed": gallery.run.seed, "images": images}


def _file(number: int, tag: str) -> str:
    return f"{number}_{tag.replace('/', '_')}.png"

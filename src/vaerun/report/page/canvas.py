"""A drawing as SVG for the page, and as SVG and PNG files: matplotlib, and nothing of it that opens a window."""

import io
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

from vaerun.errors import UserError
from vaerun.report.page.palette import INK, LINE, MUTED, themed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 4.5  # inches, 324 of the units of an SVG: about as many pixels as the narrowest window shows
ENTRY = 0.2  # inches of a line of the legend
DPI = 200
SETTINGS: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10.5,
    "axes.labelsize": 10.5,
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    "legend.fontsize": 9.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": LINE,
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "vaerun",
    "text.parse_math": False,  # a name may have a dollar in it
    "figure.facecolor": "white",
    "axes.facecolor": "none",
}


class Drawing(NamedTuple):
    """One figure.

    Attributes:
        name: of its files, without suffix.
        title: in words, for readers and for screen readers.
        height: in inches.
        draw: onto axes.
        legend: below the axes, for the files, which stand alone.
        entries: how many lines the legend has.
    """

    name: str
    title: str
    height: float
    draw: Callable[["Axes"], None]
    legend: Callable[["Figure"], None] | None = None
    entries: int = 0


class Drawn(NamedTuple):
    """A figure in every form: for the page, and the two files."""

    name: str
    title: str
    inline: str
    svg: bytes
    png: bytes


def require_matplotlib() -> None:
    """Refuses to go on without matplotlib.

    Raises:
        UserError: it is not installed.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        raise UserError(
            "vaerun report draws with matplotlib, which is not installed: install it with pip install 'vaerun[report]'."
        ) from None


def drawn(drawing: Drawing) -> Drawn:
    """The figure, drawn; whatever styles a user has set for matplotlib do not reach it."""
    with _settings():
        inline = themed(_inline(_bytes(_figure(drawing, alone=False), "svg").decode(), drawing))
        alone = _figure(drawing, alone=True)
        return Drawn(drawing.name, drawing.title, inline, _bytes(alone, "svg"), _bytes(alone, "png"))


@contextmanager
def _settings() -> Iterator[None]:
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # the reader's fonts may well have it
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(SETTINGS)
        yield


def _figure(drawing: Drawing, *, alone: bool) -> "Figure":
    from matplotlib.figure import Figure

    below = (ENTRY * drawing.entries + 0.3) * alone
    figure = Figure(figsize=(WIDTH, drawing.height + below), layout="constrained")
    axes = figure.add_subplot()
    drawing.draw(axes)
    if alone:
        axes.set_title(drawing.title, loc="left", fontsize=11)
        if drawing.legend is not None:
            drawing.legend(figure)
    return figure


def _bytes(figure: "Figure", kind: str) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=DPI if kind == "png" else None, bbox_inches=None,
                   metadata={"Date": None} if kind == "svg" else None)  # fmt: skip
    return buffer.getvalue()


def _inline(svg: str, drawing: Drawing) -> str:
    """The drawing as an element of an HTML page: no prolog, no addresses, no paper, and no id that another has."""
    body, label = svg[svg.index("<svg") :], escape(drawing.title).replace("\\", r"\\")
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r' xmlns(:\w+)?="[^"]*"', "", body)
    body = re.sub(r'<g id="patch_1">.*?</g>', "", body, count=1, flags=re.DOTALL)  # the white paper
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', body))
    body = re.sub(r' id="([^"]*)"', lambda m: f' id="{drawing.name}-{m[1]}"' if m[1] in used else "", body)
    body = re.sub(r'(url\(#|href="#)', rf"\g<1>{drawing.name}-", body)
    body = body.replace("'DejaVu Sans'", "system-ui")
    body = re.sub(r'(<svg\b)[^>]*?(viewBox="[^"]*")[^>]*>', rf'\1 \2 role="img" aria-label="{label}">', body, count=1)
    return body.strip()

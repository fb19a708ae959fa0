"""A plot as inline SVG for the HTML report, and as SVG and PNG files. matplotlib is used without a display."""

import io
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from vaerun.errors import MissingPackageError
from vaerun.report.page.style import INK, LINE, MUTED, themed

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


class Plot(NamedTuple):
    """What to plot.

    Attributes:
        name: name of its files, without suffix.
        title: shown above the plot, and read by screen readers.
        height: in inches.
        draw: draws onto the axes.
        legend: draws the legend below the axes; only the files have one, the HTML report has a legend per section.
        entries: number of lines of the legend.
    """

    name: str
    title: str
    height: float
    draw: Callable[["Axes"], None]
    legend: Callable[["Figure"], None] | None = None
    entries: int = 0


class RenderedPlot(NamedTuple):
    """A plot in every form.

    Attributes:
        name: name of its files, without suffix.
        title: shown above the plot.
        view_box: of the inline SVG.
        drawing: the content of the inline SVG element.
        svg: the content of the SVG file.
        png: the content of the PNG file.
    """

    name: str
    title: str
    view_box: str
    drawing: str
    svg: bytes
    png: bytes


def require_matplotlib() -> None:
    """Checks that matplotlib is installed.

    Raises:
        UserError: it is not.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        raise MissingPackageError("vaerun report", "matplotlib", extra="report") from None


def render_plot(plot: Plot) -> RenderedPlot:
    """Renders the plot with this module's settings; a user's own matplotlib settings have no effect."""
    with _settings():
        view_box, drawing = _inline(_bytes(_figure(plot, alone=False), "svg").decode(), plot.name)
        alone = _figure(plot, alone=True)
        return RenderedPlot(
            plot.name, plot.title, view_box, themed(drawing), _bytes(alone, "svg"), _bytes(alone, "png")
        )


@contextmanager
def _settings() -> Iterator[None]:
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # the SVG's text is set in the reader's fonts
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(SETTINGS)
        yield


def _figure(plot: Plot, *, alone: bool) -> "Figure":
    from matplotlib.figure import Figure

    below = (ENTRY * plot.entries + 0.3) * alone
    figure = Figure(figsize=(WIDTH, plot.height + below), layout="constrained")
    axes = figure.add_subplot()
    plot.draw(axes)
    if alone:
        axes.set_title(plot.title, loc="left", fontsize=11)
        if plot.legend is not None:
            plot.legend(figure)
    return figure


def _bytes(figure: "Figure", kind: str) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=DPI if kind == "png" else None, bbox_inches=None,
                   metadata={"Date": None} if kind == "svg" else None)  # fmt: skip
    return buffer.getvalue()


def _inline(svg: str, name: str) -> tuple[str, str]:
    """The view box and the content of matplotlib's SVG, for an element inside an HTML page.

    White background, metadata and XML namespaces are removed; ids that are used get ``name`` as a prefix, so that no
    two plots of a page share an id; other ids are removed.
    """
    found = re.search(r'<svg\b[^>]*?viewBox="([^"]*)"[^>]*>(.*)</svg>', svg, flags=re.DOTALL)
    assert found is not None, "matplotlib's SVG has a view box"
    view_box, body = found.groups()
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r' xmlns(:\w+)?="[^"]*"', "", body)
    body = re.sub(r'<g id="patch_1">.*?</g>', "", body, count=1, flags=re.DOTALL)  # the white background
    used = set(re.findall(r'(?:url\(#|href="#)([^")]+)', body))
    body = re.sub(r' id="([^"]*)"', lambda m: f' id="{name}-{m[1]}"' if m[1] in used else "", body)
    body = re.sub(r'(url\(#|href="#)', rf"\g<1>{name}-", body)
    return view_box, body.replace("'DejaVu Sans'", "system-ui").strip()

"""One line style per configuration, the same in the table and in every plot, for light and dark mode."""

from typing import Literal, NamedTuple


class Style(NamedTuple):
    """Colour, marker and line of a configuration.

    Attributes:
        variable: the CSS variable of the colour.
        light: the colour in light mode, and in the files.
        dark: the colour in dark mode.
        marker: matplotlib's letter for the marker; empty for none.
        dashes: matplotlib's line style.
    """

    variable: str
    light: str
    dark: str
    marker: str
    dashes: Literal["-", "--"]

    @property
    def outline(self) -> str:
        """The marker as an SVG path in a box of 26 by 12; empty for none."""
        return OUTLINES.get(self.marker, "")


OUTLINES = {
    "o": "M9 6a4 4 0 1 0 8 0a4 4 0 1 0 -8 0",
    "s": "M9 2h8v8h-8z",
    "^": "M13 1l5 9h-10z",
    "D": "M13 0.5l5.5 5.5l-5.5 5.5l-5.5 -5.5z",
    "v": "M13 11l5 -9h-10z",
    "P": "M11 1h4v3h3v4h-3v3h-4v-3h-3v-4h3z",
    "X": "M9 0l4 3.5l4 -3.5l2 2l-3.5 4l3.5 4l-2 2l-4 -3.5l-4 3.5l-2 -2l3.5 -4l-3.5 -4z",
    "*": "M13 0l1.5 4.2h4.5l-3.6 2.7l1.4 4.6l-3.8 -2.8l-3.8 2.8l1.4 -4.6l-3.6 -2.7h4.5z",
}

# Based on the palette of Okabe and Ito, which colour-blind readers can distinguish; markers and dashes differ, too.
STYLES = (
    Style("--c0", "#0072b2", "#56b4f0", "o", "-"),
    Style("--c1", "#d55e00", "#ff8f4a", "s", "-"),
    Style("--c2", "#008a63", "#35c99b", "^", "-"),
    Style("--c3", "#b0528f", "#e596cb", "D", "-"),
    Style("--c4", "#a87b00", "#eec04a", "v", "--"),
    Style("--c5", "#3d9bd3", "#9bd7fa", "P", "--"),
    Style("--c6", "#57606b", "#b4bcc6", "X", "--"),
    Style("--c7", "#7a4a2c", "#cd9f7c", "*", "--"),
)
REST = Style("--rest", "#a9b1ba", "#59616b", "", "-")

INK, MUTED, LINE, PAPER = "#24292e", "#656d77", "#d9dee4", "#ffffff"  # in the plots' files
SHADES = {"--ink": (INK, "#e7eaee"), "--muted": (MUTED, "#9aa4b0"), "--line": (LINE, "#333a43"),
          "--paper": (PAPER, "#14171b")}  # fmt: skip
CARD = {"--card": ("#f5f7f9", "#1c2026")}


def styles(count: int) -> list[Style]:
    """The styles of ``count`` configurations, best first; those beyond the palette share one grey style."""
    return [*STYLES[:count], *[REST] * (count - len(STYLES))]


def color_variables(*, dark: bool) -> str:
    """The CSS declarations of every colour."""
    named = {style.variable: (style.light, style.dark) for style in (*STYLES, REST)} | SHADES | CARD
    return " ".join(f"{name}: {pair[dark]};" for name, pair in named.items())


def themed(svg: str) -> str:
    """The SVG with CSS variables for colours, so that it follows the light or dark mode of the page."""
    text = svg
    for style in (*STYLES, REST):
        text = text.replace(style.light, f"var({style.variable})")
    for name, (light, _) in SHADES.items():
        text = text.replace(light, f"var({name})")
    return text

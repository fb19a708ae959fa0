"""One look per configuration, the same in every figure and in the table, in light and in dark."""

from typing import Literal, NamedTuple


class Look(NamedTuple):
    """How a configuration is drawn.

    Attributes:
        variable: the page's CSS variable for its colour.
        light: that colour on white, as figures are drawn and saved.
        dark: the colour on a dark page.
        marker: matplotlib's letter for the shape.
        dashes: matplotlib's line style.
    """

    variable: str
    light: str
    dark: str
    marker: str
    dashes: Literal["-", "--"]


# After Okabe and Ito's colours, which colour-blind readers tell apart; shapes and dashes tell them apart once more.
LOOKS = (
    Look("--c0", "#0072b2", "#56b4f0", "o", "-"),
    Look("--c1", "#d55e00", "#ff8f4a", "s", "-"),
    Look("--c2", "#008a63", "#35c99b", "^", "-"),
    Look("--c3", "#b0528f", "#e596cb", "D", "-"),
    Look("--c4", "#a87b00", "#eec04a", "v", "--"),
    Look("--c5", "#3d9bd3", "#9bd7fa", "P", "--"),
    Look("--c6", "#57606b", "#b4bcc6", "X", "--"),
    Look("--c7", "#7a4a2c", "#cd9f7c", "*", "--"),
)
REST = Look("--rest", "#a9b1ba", "#59616b", "", "-")

INK, MUTED, LINE, PAPER = (
    "#24292e",
    "#656d77",
    "#d9dee4",
    "#ffffff",
)  # as the figures are drawn; the page has its own for each mode
SHADES = {"--ink": (INK, "#e7eaee"), "--muted": (MUTED, "#9aa4b0"), "--line": (LINE, "#333a43"),
          "--paper": (PAPER, "#14171b")}  # fmt: skip
CARD = {"--card": ("#f5f7f9", "#1c2026")}


def looks(count: int) -> list[Look]:
    """Looks for so many configurations, best first; those beyond the palette share one."""
    return [*LOOKS[:count], *[REST] * (count - len(LOOKS))]


def variables(*, dark: bool) -> str:
    """CSS declarations of every colour."""
    named = {look.variable: (look.light, look.dark) for look in (*LOOKS, REST)} | SHADES | CARD
    return " ".join(f"{name}: {pair[dark]};" for name, pair in named.items())


def themed(svg: str) -> str:
    """A drawing whose colours are those of the page that it stands in."""
    text = svg
    for look in (*LOOKS, REST):
        text = text.replace(look.light, f"var({look.variable})")
    for name, (light, _) in SHADES.items():
        text = text.replace(light, f"var({name})")
    return text

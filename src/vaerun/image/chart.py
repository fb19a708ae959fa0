"""Histograms, curves and bands as images, without a plotting library."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 340, 260  # pixels of a chart
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 30, 44  # between the edges of a chart and its axes
FINE = 2  # it is drawn at this scale and made smaller, so that lines are smooth
BLUE, RED, GREY, LIGHT, BLACK = (76, 114, 176), (196, 78, 82), (130, 130, 130), (222, 226, 234), (30, 30, 30)


@dataclass(frozen=True)
class Axes:
    """The texts of a chart, and what lies at the ends of its axes.

    Args:
        title: above the chart.
        x: what the horizontal axis shows.
        y: what the vertical axis shows; it stands below the title.
        across: the values at the left and the right end.
        up: the values at the bottom and the top.
    """

    title: str
    x: str
    y: str
    across: tuple[float, float]
    up: tuple[float, float]


class Chart:
    """A chart that is drawn mark by mark; later marks cover earlier ones.

    Args:
        axes: its texts and ranges.
    """

    def __init__(self, axes: Axes) -> None:
        self.axes = axes
        self.image = Image.new("RGB", (WIDTH * FINE, HEIGHT * FINE), "white")
        self.draw = ImageDraw.Draw(self.image)

    def place(self, x: float, y: float) -> tuple[float, float]:
        """The pixel of a value; values outside the axes are moved to their ends."""
        (left, right), (low, high) = self.axes.across, self.axes.up
        across = min(max((x - left) / (right - left), 0.0), 1.0)
        up = min(max((y - low) / (high - low), 0.0), 1.0)
        width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
        return FINE * (LEFT + across * width), FINE * (HEIGHT - BOTTOM - up * height)

    def bars(self, edges: Sequence[float], heights: Sequence[float], colour: tuple[int, int, int] = BLUE) -> None:
        """A histogram: a bar between each two neighbouring edges."""
        for left, right, height in zip(edges[:-1], edges[1:], heights, strict=True):
            (x0, y0), (x1, y1) = self.place(left, height), self.place(right, self.axes.up[0])
            self.draw.rectangle((x0 + 1, y0, max(x0 + 1, x1 - 1), y1), fill=colour)

    def band(self, x: Sequence[float], low: Sequence[float], high: Sequence[float]) -> None:
        """The area between two curves, light grey."""
        points = [*map(self.place, x, low), *reversed(list(map(self.place, x, high)))]
        self.draw.polygon(points, fill=LIGHT)

    def line(self, x: Sequence[float], y: Sequence[float], colour: tuple[int, int, int] = BLUE) -> None:
        """A curve through points."""
        self.draw.line(list(map(self.place, x, y)), fill=colour, width=2 * FINE)

    def array(self) -> np.ndarray:
        """The chart with its axes and texts, uint8 [H, W, 3]."""
        (left, right), (low, high) = self.axes.across, self.axes.up
        corner, far = self.place(left, low), self.place(right, high)
        self.draw.line([(corner[0], far[1]), corner, (far[0], corner[1])], fill=BLACK, width=FINE)
        big, small = (ImageFont.load_default(size * FINE) for size in (12, 10))
        self.draw.text((LEFT * FINE, 4 * FINE), self.axes.title, fill=BLACK, font=big)
        self.draw.text((LEFT * FINE, 18 * FINE), self.axes.y, fill=GREY, font=small)
        middle = ((corner[0] + far[0]) / 2, (HEIGHT - 14) * FINE)
        self.draw.text(middle, self.axes.x, fill=GREY, font=small, anchor="mm")
        for value, anchor in ((left, "la"), (right, "ra")):
            self.draw.text((self.place(value, low)[0], corner[1] + 4 * FINE), f"{value:.4g}", BLACK, small, anchor)
        for value in (low, high):
            at = (corner[0] - 5 * FINE, self.place(left, value)[1])
            self.draw.text(at, f"{value:.4g}", BLACK, small, anchor="rm")
        return np.asarray(self.image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS))


def sheet(charts: Sequence[Chart], columns: int) -> np.ndarray:
    """The charts row by row, uint8 [H, W, 3]."""
    arrays = [chart.array() for chart in charts]
    columns = min(columns, len(arrays))
    blank = np.full_like(arrays[0], 255)
    arrays += [blank] * (-len(arrays) % columns)
    rows = [np.concatenate(arrays[start : start + columns], 1) for start in range(0, len(arrays), columns)]
    return np.concatenate(rows, 0)

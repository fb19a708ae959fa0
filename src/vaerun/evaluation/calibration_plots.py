"""Histograms of the ranks of simulation-based calibration, and coverage curves, as one image."""

import math

import numpy as np
import torch
from torch import Tensor

from vaerun.evaluation.uniformity import bins_for, histogram
from vaerun.image.chart import BLUE, RED, Axes, Chart, sheet

SHOWN = 6  # latents with the smallest p-values
NORMAL = 1.96
GRID = 101  # points of a curve


def plots(u: Tensor, f: Tensor, p_values: list[float]) -> np.ndarray:
    """Two coverage curves, and the ranks of the latents with the smallest p-values, uint8 [H, W, 3].

    Args:
        u: relative ranks of each latent, Float[Tensor, "N D"].
        f: credibility of each point, Float[Tensor, "N"].
        p_values: of each latent.
    """
    worst = sorted(range(len(p_values)), key=p_values.__getitem__)[:SHOWN]
    charts = [
        curve((2 * u - 1).abs(), "central intervals, by latent", "probability of the interval under q"),
        curve(f.unsqueeze(1), "TARP: all latents together", "credibility"),
        *(ranks(u[:, d], f"latent {d}: p = {p_values[d]:.2g}") for d in worst),
    ]
    return sheet(charts, columns=min(4, len(charts)))


def curve(levels: Tensor, title: str, x: str) -> Chart:
    """The fraction of points that a region of each level holds, in blue; the diagonal is a right q.

    Args:
        levels: the smallest level that holds the true value, Float[Tensor, "N D"]; one curve for each column.
        title: of the chart.
        x: what a level is.
    """
    grid = torch.linspace(0, 1, GRID, dtype=torch.float64)
    half = NORMAL * (grid * (1 - grid) / len(levels)).sqrt()
    chart = Chart(Axes(title, x, "fraction of the true z", (0.0, 1.0), (0.0, 1.0)))
    chart.band(grid.tolist(), (grid - half).tolist(), (grid + half).tolist())
    chart.line([0, 1], [0, 1], RED)
    for column in levels.T.double():
        held = torch.searchsorted(column.sort().values.contiguous(), grid, right=True) / len(column)
        chart.line(grid.tolist(), held.tolist(), BLUE)
    return chart


def ranks(u: Tensor, title: str) -> Chart:
    """A histogram of relative ranks, Float[Tensor, "N"]; bars of a right q end in the band for 95 % of the bins."""
    bins = bins_for(len(u))
    counts, expected = histogram(u, bins), len(u) / bins
    half = NORMAL * math.sqrt(expected * (1 - 1 / bins))
    top = max(float(counts.max()), expected + half) * 1.1
    chart = Chart(Axes(title, "rank of the true z among samples of q", "points", (0.0, 1.0), (0.0, round(top))))
    chart.band([0, 1], [expected - half] * 2, [expected + half] * 2)
    chart.bars(torch.linspace(0, 1, bins + 1).tolist(), counts.tolist())
    for y in (expected - half, expected, expected + half):
        chart.line([0, 1], [y, y], RED)
    return chart

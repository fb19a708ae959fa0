"""Histograms of T(x_rep) with T(x) as a line, as one image."""

from collections.abc import Mapping

import numpy as np
import torch

from vaerun.evaluation.statistic import Check
from vaerun.image.chart import RED, Axes, Chart, sheet

BINS = 20


def plots(checks: Mapping[str, Check]) -> np.ndarray:
    """A chart for each statistic by name, uint8 [H, W, 3]."""
    return sheet([chart(name, check) for name, check in checks.items()], columns=3)


def chart(name: str, check: Check) -> Chart:
    """The histogram of T(x_rep), and T(x) as a red line."""
    replicas, own = check.replicas.double().cpu(), float(check.data)
    low, high = min(own, float(replicas.min())), max(own, float(replicas.max()))
    margin = 0.05 * (high - low) or max(abs(low), 1.0) * 0.05
    low, high = low - margin, high + margin
    counts = torch.histc(replicas, BINS, low, high)
    top = float(counts.max()) * 1.1
    title = f"{name}: p = {float(check.p_value()):.3f}"
    drawn = Chart(Axes(title, "T(x_rep), and T(x) in red", "replicated data sets", (low, high), (0.0, round(top))))
    drawn.bars(torch.linspace(low, high, BINS + 1, dtype=torch.float64).tolist(), counts.tolist())
    drawn.line([own, own], [0, top], RED)
    return drawn

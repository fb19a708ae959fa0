"""A metric of one run as it was recorded, and the mean over several seeds with its 95 % interval."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from vaerun.metric.interval import Sample, interval
from vaerun.report.matched import COSTS, LARGEST, LONGEST
from vaerun.report.recorded import finite
from vaerun.system.files import UnsafeFileError, read

RECORDS = 400  # read from one run, evenly spaced: more than a plot can show
POINTS = 200  # of the grid on which seeds are averaged


class Curve(NamedTuple):
    """Values [T] of one run, and the costs at which they were recorded, each [T] and non-decreasing."""

    costs: Mapping[str, np.ndarray]
    values: np.ndarray


class Band(NamedTuple):
    """mean ± t s/√n of n seeds on a common grid, all [T]; for a single seed the half-width is 0."""

    cost: np.ndarray
    mean: np.ndarray
    half_width: np.ndarray
    seeds: int


def records(content: bytes, needle: bytes, most: int = RECORDS) -> list[Mapping[str, Any]]:
    """The records of metrics.jsonl that contain ``needle``: at most ``most``, evenly spaced, with both ends."""
    starts = list(_lines(content, needle))
    if len(starts) > most:
        starts = [starts[position] for position in np.linspace(0, len(starts) - 1, most).round().astype(int)]
    found: list[Mapping[str, Any]] = []
    for start in starts:
        try:
            line = content[start : start + LONGEST]
            record = json.loads(line[: line.find(b"\n")])
        except (ValueError, RecursionError):  # damaged, or the last line of a killed run
            continue
        if isinstance(record, dict):
            found.append(record)
    return found


def _lines(content: bytes, needle: bytes) -> Iterator[int]:
    """The positions at which the lines that contain ``needle`` begin."""
    position = content.find(needle)
    while position >= 0:
        yield content.rfind(b"\n", 0, position) + 1
        end = content.find(b"\n", position)
        position = content.find(needle, end) if end >= 0 else -1


def curve(recorded: Sequence[Mapping[str, Any]], tag: str) -> Curve | None:
    """The curve of a tag, sorted by cost; None if no record has it."""
    keys = tuple(COSTS.values())
    rows = [[found[key] for key in (*keys, tag)] for record in recorded
            if {*keys, tag} <= (found := finite({key: record.get(key) for key in (*keys, tag)})).keys()]  # fmt: skip
    if not rows:
        return None
    table = np.array(sorted(rows)).T
    costs = {cost: np.maximum.accumulate(column) for cost, column in zip(COSTS, table, strict=False)}
    return Curve(costs, table[-1])


def band(curves: Sequence[Curve], cost: str) -> Band | None:
    """The mean over seeds on the range that all of them cover, interpolated linearly; None if there is none."""
    axes = [one.costs[cost] for one in curves]
    low, high = max(axis[0] for axis in axes), min(axis[-1] for axis in axes)
    grid = np.unique(np.concatenate(axes))
    grid = grid[(low <= grid) & (grid <= high)]
    if not len(grid):
        return None
    if len(grid) > POINTS:
        grid = grid[np.linspace(0, len(grid) - 1, POINTS).round().astype(int)]
    values = np.stack([np.interp(grid, axis, one.values) for axis, one in zip(axes, curves, strict=True)])
    found = [interval(Sample(tuple(column))) for column in values.T.tolist()]
    half = np.array([one.half_width or 0.0 for one in found])
    return Band(grid, np.array([one.mean for one in found]), half, len(curves))


def content(directory: Path) -> bytes:
    """The content of a run's metrics.jsonl; empty if it cannot be read."""
    try:
        return read(directory / "metrics.jsonl", most=LARGEST)
    except (OSError, UnsafeFileError):
        return b""

"""The settings that differ between configurations, every run, and the settings that all runs share."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from vaerun.report.cell import cells
from vaerun.report.column import writer
from vaerun.report.comparison import Comparison
from vaerun.report.entry import Entry
from vaerun.report.page.style import Style, styles
from vaerun.report.recorded import finite
from vaerun.report.text import ABSENT


class Configuration(NamedTuple):
    """A configuration and its settings ``key=value`` that other configurations do not have."""

    name: str
    style: Style
    settings: Sequence[str]


class RunLine(NamedTuple):
    """One run: its configuration, the numbers in the columns of ``RunTable``, and status, reason and directory."""

    name: str
    style: Style
    numbers: Sequence[str]
    words: Sequence[str]


class RunTable(NamedTuple):
    """Every run, with the titles of the columns of numbers."""

    titles: Sequence[str]
    lines: Sequence[RunLine]


def configurations(comparison: Comparison) -> list[Configuration]:
    """Each configuration with the settings in which it differs from others."""
    return [
        Configuration(row.name, style, [_setting(key, value) for key, value in row.settings.items()])
        for row, style in zip(comparison.rows, styles(len(comparison.rows)), strict=True)
    ]


def run_table(comparison: Comparison, folder: Path) -> RunTable:
    """Every run with its status, and the reason if it did not complete.

    Args:
        comparison: the runs that are compared.
        folder: of the report; run directories are given relative to the folder around it.
    """
    headline = comparison.headline
    made = cells(comparison.rows, headline) if headline is not None else []
    write = writer(headline, [cell.interval for cell in made if cell is not None]) if headline is not None else str
    lines = []
    for row, style in zip(comparison.rows, styles(len(comparison.rows)), strict=True):
        for entry in row.entries:
            value = entry.metrics.get(headline.name) if headline is not None else None
            directory = os.path.relpath(entry.run.directory.resolve(), folder.resolve().parent)
            numbers = [
                str(entry.run.seed) if entry.run.seed is not None else ABSENT,
                write(value) if value is not None else ABSENT,
                _count(entry, "steps"),
                _count(entry, "seconds"),
            ]
            lines.append(RunLine(row.name, style, numbers, [entry.run.status, entry.remark or "", directory]))
    title = headline.title if headline is not None else "bound"
    return RunTable(["seed", title, "steps", "training seconds"], lines)


def shared_settings(comparison: Comparison) -> list[str]:
    """The settings that all runs share, as ``key=value``."""
    flat = [entry.run.configuration for row in comparison.rows for entry in row.entries if entry.run.config]
    if not flat:
        return []
    shared = {key: value for key, value in flat[0].items() if all(key in one and one[key] == value for one in flat)}
    return [_setting(key, value) for key, value in sorted(shared.items()) if value is not None]


def _count(entry: Entry, name: str) -> str:
    """Steps or training seconds; of a run without metrics they are in its summary, if anywhere."""
    key = {"seconds": "train_seconds"}.get(name, name)
    value = entry.metrics.get(name, finite(entry.run.summary).get(key))
    if value is None:
        return ABSENT
    return f"{value:,.1f}" if name == "seconds" else f"{value:,.0f}"


def _setting(key: str, value: Any) -> str:
    return f"{key}={_text(value)}"


def _text(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return ",".join(map(_text, value)) if isinstance(value, Sequence) and not isinstance(value, str) else str(value)

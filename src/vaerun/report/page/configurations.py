"""Each configuration as its difference from the others, its runs, and what all of them have in common."""

import os
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from vaerun.report.cell import cells
from vaerun.report.column import writer
from vaerun.report.comparison import Comparison
from vaerun.report.entry import Entry
from vaerun.report.page.palette import looks
from vaerun.report.page.table import MANY, named, scrolling
from vaerun.report.recorded import finite
from vaerun.report.text import ABSENT


def configurations(comparison: Comparison, folder: Path) -> str:
    """The differences, then the runs and the common settings, folded.

    Args:
        comparison: whose.
        folder: of the page; directories are named as seen from there.
    """
    lines = []
    for row, look in zip(comparison.rows, looks(len(comparison.rows)), strict=True):
        told = " ".join(_setting(key, value) for key, value in row.settings.items()) or "no config.yaml"
        lines.append(f'<tr><th scope="row">{named(row.name, look)}</th><td class="words">{told}</td></tr>')
    heads = '<th scope="col">configuration</th><th scope="col" class="words">where it differs from the others</th>'
    differences = scrolling(heads, lines, label="configurations")
    if len(comparison.rows) > MANY:
        differences = f"<details><summary>{len(comparison.rows)} configurations</summary>{differences}</details>"
    return f"<h2>What was run?</h2>{differences}{_runs(comparison, folder)}{_common(comparison)}"


def _runs(comparison: Comparison, folder: Path) -> str:
    """Every run with how it stands, those that failed with the reason."""
    headline = comparison.headline
    made = cells(comparison.rows, headline) if headline is not None else []
    write = writer(headline, [cell.interval for cell in made if cell is not None]) if headline is not None else str
    lines = []
    for row, look in zip(comparison.rows, looks(len(comparison.rows)), strict=True):
        for entry in row.entries:
            figure = entry.metrics.get(headline.name) if headline is not None else None
            place = os.path.relpath(entry.run.directory.resolve(), folder.resolve().parent)
            texts = [
                str(entry.run.seed) if entry.run.seed is not None else ABSENT,
                write(figure) if figure is not None else ABSENT,
                _count(entry, "steps"),
                _count(entry, "seconds"),
            ]
            words = [entry.run.status, entry.remark or "", place]
            lines.append(
                f'<tr><th scope="row">{named(row.name, look)}</th>'
                + "".join(f"<td>{escape(text)}</td>" for text in texts)
                + "".join(f'<td class="words">{escape(word)}</td>' for word in words)
                + "</tr>"
            )
    title = headline.title if headline is not None else "bound"
    heads = ["seed", title, "steps", "training seconds"]
    head = '<th scope="col">configuration</th>' + "".join(f'<th scope="col">{escape(word)}</th>' for word in heads)
    head += "".join(f'<th scope="col" class="words">{word}</th>' for word in ("status", "reason", "directory"))
    many = f"{len(lines)} run{'' if len(lines) == 1 else 's'}"
    return f"<details><summary>{many}, one by one</summary>{scrolling(head, lines, label='runs')}</details>"


def _count(entry: Entry, name: str) -> str:
    """How far it came: a run without figures says that in its summary, if at all."""
    key = {"seconds": "train_seconds"}.get(name, name)
    value = entry.metrics.get(name, finite(entry.run.summary).get(key))
    if value is None:
        return ABSENT
    return f"{value:,.1f}" if name == "seconds" else f"{value:,.0f}"


def _common(comparison: Comparison) -> str:
    """The settings that all runs share."""
    flat = [entry.run.configuration for row in comparison.rows for entry in row.entries if entry.run.config]
    shared = (
        {key: value for key, value in flat[0].items() if all(_same(one, key, value) for one in flat)} if flat else {}
    )
    if not shared:
        return ""
    told = " ".join(_setting(key, value) for key, value in sorted(shared.items()) if value is not None)
    return f"<details><summary>What all of them have in common</summary><p>{told}</p></details>"


def _same(settings: dict[str, Any], key: str, value: Any) -> bool:
    return key in settings and settings[key] == value


def _setting(key: str, value: Any) -> str:
    return f'<code class="setting">{escape(key)}={escape(_text(value))}</code>'


def _text(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return ",".join(map(_text, value)) if isinstance(value, Sequence) and not isinstance(value, str) else str(value)

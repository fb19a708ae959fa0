"""The comparison for other programs and for papers: JSON, CSV, LaTeX, Markdown."""

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from vaerun.report.cell import Cell, cells
from vaerun.report.comparison import Comparison
from vaerun.report.entry import Entry
from vaerun.report.row import Row
from vaerun.report.text import ABSENT, legend

ESCAPES = {"\\": r"\textbackslash{}", "_": r"\_", "%": r"\%", "&": r"\&", "#": r"\#", "$": r"\$", "{": r"\{",
           "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "φ": r"$\phi$",
           "λ": r"$\lambda$", "θ": r"$\theta$"}  # fmt: skip


def to_json(comparison: Comparison) -> str:
    """One JSON document with every metric of every run, and all digits of the table."""
    columns = [cells(comparison.rows, column) for column in comparison.columns]
    document = {
        "at": comparison.at._asdict() if comparison.at is not None else None,
        "columns": [column._asdict() for column in comparison.columns],
        "rows": [
            {
                "name": row.name,
                "settings": row.settings,
                "seeds": row.seeds,
                "status": row.statuses,
                "values": {
                    column.name: _value(made[place]) for column, made in zip(comparison.columns, columns, strict=True)
                },
                "runs": [_run(entry) for entry in row.entries],
            }
            for place, row in enumerate(comparison.rows)
        ],
        "budgets": comparison.budgets,
        "notes": comparison.notes,
        "answer": comparison.answer,
    }
    return json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False, default=str)


def _value(cell: Cell | None) -> dict[str, Any] | None:
    if cell is None:
        return None
    return {
        "mean": cell.interval.mean,
        "half_width": cell.interval.half_width,
        "interval": cell.interval.kind,  # 95 %, over seeds or over the points of one seed
        "seeds": cell.seeds,
        "best": cell.mark == "*",
        "tied_with_best": cell.mark == "~",
    }


def _run(entry: Entry) -> dict[str, Any]:
    return {
        "run": str(entry.run.directory),
        "seed": entry.run.seed,
        "status": entry.run.status,
        "remark": entry.remark,
        "used": entry.used,
        "metrics": entry.metrics,
    }


def to_csv(comparison: Comparison) -> str:
    """One line per configuration; three fields per column: mean, half width, and whether it is over seeds or points."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [column.name for column in comparison.columns]
    fields = [f for name in names for f in (name, f"{name}:half_width", f"{name}:interval")]
    writer.writerow(["configuration", "seeds", "status", *fields])
    columns = [cells(comparison.rows, column) for column in comparison.columns]
    for place, row in enumerate(comparison.rows):
        values = [value for made in columns for value in _plain(made[place])]
        writer.writerow([row.name, row.seeds, row.status, *values])
    return text.getvalue().rstrip("\n")


def _plain(cell: Cell | None) -> Sequence[Any]:
    return ("", "", "") if cell is None else tuple("" if value is None else value for value in cell.interval)


def to_markdown(comparison: Comparison) -> str:
    """A pipe table, best values bold, and the answer below."""
    titles = [f"{c.title} (nat)" if c.unit == "nat" else c.title for c in comparison.columns]
    lines = [_pipes(["configuration", "seeds", "status", *titles]), "|---|--:|---" + "|--:" * len(titles) + "|"]
    for row, made in _rows(comparison):
        texts = [ABSENT if cell is None else _marked(cell, "**", "**", "±") for cell in made]
        lines.append(_pipes([row.name, str(row.seeds), row.status, *texts]))
    notes = [note.replace("*  ", "**bold**  ") for note in legend(comparison)]
    below = [f"- {' '.join(note.split())}" for note in (*notes, *comparison.notes)]
    return "\n\n".join(part for part in ("\n".join(lines), "\n".join(below), comparison.answer) if part)


def to_latex(comparison: Comparison) -> str:
    """A tabular for the booktabs package, best values bold; notes and answer as comments."""
    titles = [f"{c.title} (nat)" if c.unit == "nat" else c.title for c in comparison.columns]
    notes = [note.replace("*  ", "bold  ") for note in legend(comparison)]
    lines = [f"% {' '.join(note.split())}" for note in (*notes, *comparison.notes, comparison.answer)]
    lines += [r"\begin{tabular}{lrl" + "r" * len(titles) + "}", r"\toprule"]
    lines += [" & ".join(["configuration", "seeds", "status", *map(_escape, titles)]) + r" \\", r"\midrule"]
    for row, made in _rows(comparison):
        texts = ["--" if cell is None else _formula(cell) for cell in made]
        lines.append(" & ".join([_escape(row.name), str(row.seeds), _escape(row.status), *texts]) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"])


def _formula(cell: Cell) -> str:
    text = cell.written(r"\pm").replace(",", "{,}")
    best = rf"\mathbf{{{text}}}" if cell.mark == "*" else text
    return f"${best}$" + (r"$^{\sim}$" if cell.mark == "~" else "")


def _marked(cell: Cell, before: str, after: str, plus_minus: str) -> str:
    text = cell.written(plus_minus)
    return f"{before}{text}{after}" if cell.mark == "*" else f"{text}{' ~' if cell.mark == '~' else ''}"


def _rows(comparison: Comparison) -> list[tuple[Row, list[Cell | None]]]:
    columns = [cells(comparison.rows, column) for column in comparison.columns]
    return [(row, [made[place] for made in columns]) for place, row in enumerate(comparison.rows)]


def _pipes(words: Sequence[str]) -> str:
    return "| " + " | ".join(word.replace("|", r"\|") for word in words) + " |"


def _escape(text: str) -> str:
    return "".join(ESCAPES.get(letter, letter) for letter in text)

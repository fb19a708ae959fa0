"""The results as Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any


def markdown(rows: Sequence[Mapping[str, Any]], unit: str) -> str:
    """One case as a table: who, the rate, and its ratio to the first row."""
    head = f"| | {unit}/s | ratio to the first row | range over rounds |\n|---|---|---|---|\n"
    return head + "\n".join(line(row) for row in rows)


def line(row: Mapping[str, Any]) -> str:
    """One peer's row; what it lacks is said in words."""
    if row.get("error"):
        return f"| {row['peer']} | {row['error']} | | |"
    return f"| {row['peer']} | {row['rate']:,.0f} | {row['ratio']:.2f} | {row['low']:.2f} to {row['high']:.2f} |"


def cross(rows: Sequence[Mapping[str, Any]], chosen: str = "vaerun") -> str:
    """Ratios of every row whose name starts with ``chosen`` to every peer: down who, across to whom."""
    alive = [row for row in rows if not row.get("error")]
    own = [row for row in alive if row["peer"].startswith((chosen, "the same"))]
    others = [row for row in alive if row not in own]
    if not own or not others:
        return ""
    head = "| ratio to | " + " | ".join(row["peer"] for row in others) + " |\n" + "|---" * (len(others) + 1) + "|\n"
    body = [
        f"| {row['peer']} | " + " | ".join(f"{row['rate'] / other['rate']:.2f}" for other in others) + " |"
        for row in own
    ]
    return head + "\n".join(body)

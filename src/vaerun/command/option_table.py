"""The options of each group as a table: coloured by rich on a terminal, plain text elsewhere."""

import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

Entries = Sequence[Mapping[str, Any]]


def show(groups: Mapping[str, Entries]) -> None:
    """Prints the options of every group to stdout."""
    if sys.stdout.isatty():
        show_on_terminal(groups)
    else:
        print("\n\n".join(plain_text(group, entries) for group, entries in groups.items()))


def plain_text(group: str, entries: Entries) -> str:
    """The options of one group; the default has a star."""
    columns = max(60, shutil.get_terminal_size((100, 24)).columns)
    indent = 2 + max(len(entry["option"]) for entry in entries) + 3
    lines = [group]
    for entry in entries:
        head = _head(entry).ljust(indent)
        wrapped = [line for text in _details(entry) for line in textwrap.wrap(text, columns - indent)]
        lines += [head + wrapped[0], *(" " * indent + line for line in wrapped[1:])] if wrapped else [head.rstrip()]
    return "\n".join(lines)


def show_on_terminal(groups: Mapping[str, Entries]) -> None:
    """Prints one table per group, as wide as the terminal; the default is green and has a star."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    for group, entries in groups.items():
        table = Table(box=SIMPLE_HEAD, pad_edge=False, expand=True)
        table.add_column(Text(group, "bold cyan"), no_wrap=True)
        table.add_column(Text("* is the default", "dim"), ratio=1)
        for entry in entries:
            summary, *more = _details(entry) or [""]
            details = Text.assemble(summary, *((f"\n{text}", "dim") for text in more))
            table.add_row(Text(_head(entry), "bold green" if entry["default"] else "bold"), details)
        console.print(table)


def _head(entry: Mapping[str, Any]) -> str:
    return f"{'*' if entry['default'] else ' '} {entry['option']}"


def _details(entry: Mapping[str, Any]) -> list[str]:
    """Summary, reference, fitting options and keys, without empty lines."""
    texts = [entry["summary"], entry["reference"] and f"[{entry['reference']}]"]
    texts += [f"with {other}: {', '.join(options) or 'none'}" for other, options in entry.get("fits", {}).items()]
    texts += [f"with objective.num_samples={entry['min_samples']} or more"] if entry["min_samples"] > 1 else []
    if entry.get("fits") is not None and entry["keys"]:
        texts.append(f"keys: {', '.join(f'{key}={value}' for key, value in entry['keys'].items())}")
    return [str(text) for text in texts if text]

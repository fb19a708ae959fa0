"""Writes docs/reference: a page for each group of choices and one of metrics, from the docstrings and the YAML files.

    python scripts/reference.py [FOLDER]

FOLDER is docs/reference where none is given. A test holds the committed pages against what this writes.
"""

import ast
import inspect
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import metrics_page

from vaerun.command.list import describe, fits
from vaerun.config.catalogue import Catalogue, Option
from vaerun.config.hydra import roots
from vaerun.config.source_index import locate, module

HERE = Path(__file__).parents[1]
HEADINGS = ("Args", "Raises", "Reference", "Example")


def main() -> None:
    """Writes every page and an index."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "docs" / "reference"
    folder.mkdir(parents=True, exist_ok=True)
    catalogue = Catalogue(roots()[:1])
    for stale in folder.glob("*.md"):
        stale.unlink()
    nouns = [*catalogue.nouns, *catalogue.several]
    index = ["# What can be chosen", "", "| group | | choices |", "|---|---|---|"]
    for group in sorted(catalogue.groups, key=lambda g: (nouns.index(g.split("/")[0]), g)):
        options = list(catalogue.groups[group].values())
        (folder / f"{page(group)}.md").write_text("\n".join(lines_of(group, options, catalogue)), encoding="utf-8")
        links = ", ".join(f"[`{option.name}`]({page(group)}.md#{option.name})" for option in options)
        index.append(f"| [`{group}=`]({page(group)}.md) | {headline(options)} | {links} |")
    (folder / "metrics.md").write_text(metrics_page.page(), encoding="utf-8")
    (folder / "README.md").write_text("\n".join([*index, "", footer()]), encoding="utf-8")


def page(group: str) -> str:
    """The file name of a group's page."""
    return group.replace("/", "_")


def headline(options: list[Option]) -> str:
    """The first line of the package that holds the classes."""
    homes = [str(option.content.get("_target_", "")).rpartition(".")[0].rpartition(".")[0] for option in options]
    found = [module(home) for home in homes if module(home)]
    return (ast.get_docstring(found[0].tree) or "").split("\n")[0] if found and found[0] else ""


def lines_of(group: str, options: list[Option], catalogue: Catalogue) -> list[str]:
    """One page."""
    lines = [f"# `{group}=`", "", headline(options), ""]
    for option in options:
        lines += [*section(option, catalogue), ""]
    return [*lines, footer()]


def section(option: Option, catalogue: Catalogue) -> list[str]:
    """One option: docstring, keys, what it goes with."""
    facts, found = option.info, locate(str(option.content.get("_target_", "")))
    entry = describe(option, catalogue)
    lines = [f"## {option.name}", ""]
    lines += [f"*{comment(option)}*" + (" The default." if entry["default"] else ""), ""]
    if found is not None:
        lines += [*prose(ast.get_docstring(found[1]) or ""), ""]
    text = option.path.read_text(encoding="utf-8")
    lines += table(option.place, entry["keys"], text)
    for key, node in entry["keys"].items():
        if isinstance(node, dict) and (part := locate(str(node.get("_target_", "")))) is not None:
            place = f"{option.group.replace('/', '.')}.{key}"
            lines += [f"### `{place}`", "", *prose(ast.get_docstring(part[1]) or ""), ""]
            inner = re.split(r"^(?=\w)", text.partition(f"\n{key}:\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
            lines += table(place, node, inner)
    if inside := option.nested():
        lines += ["Inside it: " + ", ".join(f"`{g.strip('/')}={o}`" for g, o in inside.items()) + ".", ""]
    for other, names in fits(option, catalogue).items():
        lines.append(f"- with `{other}`: {', '.join(f'`{name}`' for name in names) or 'none'}")
    if entry["min_samples"] > 1:
        lines.append(f"- with `objective.num_samples` of {entry['min_samples']} or more")
    if facts is not None and facts.attributes.get("unbiased") is False:
        lines.append("- its gradient is biased, and `vaerun verify` demands that the bias be seen")
    return lines


def table(place: str, keys: Mapping[str, Any], text: str) -> list[str]:
    """The keys with a plain value, their defaults, and what the YAML file remarks."""
    plain = {key: v for key, v in keys.items() if not isinstance(v, dict) and key != "_target_"}
    if not plain:
        return []
    remarks = dict(re.findall(r"^\s*(\w+):.*?#\s*(.+)$", text, re.MULTILINE))
    rows = [f"| `{place}.{key}` | `{written(v)}` | {remarks.get(key, '')} |" for key, v in plain.items()]
    return ["| key | default | |", "|---|---|---|", *rows, ""]


def comment(option: Option) -> str:
    """The first comment of the YAML file that is not for Hydra."""
    lines = option.path.read_text(encoding="utf-8").split("\n")
    return next(line for line in lines if not line.startswith("# @")).lstrip("# ").rstrip(".") + "."


def prose(doc: str) -> list[str]:
    """A docstring as Markdown: its sections become lists."""
    lines: list[str] = []
    for line in inspect.cleandoc(doc).split("\n"):
        heading = line.removesuffix(":")
        if heading in HEADINGS:
            lines += [f"**{heading}**", ""]
        elif match := re.match(r"    (\w+): (.*)", line):
            lines.append(f"- `{match[1]}`: {match[2]}")
        else:
            lines.append(line.strip().replace("``", "`"))
    return lines


def written(value: object) -> str:
    """A value as it is written on the command line."""
    words = {None: "null", True: "true", False: "false"}
    return words[value] if value is None or isinstance(value, bool) else str(value)


def footer() -> str:
    """Where the page comes from."""
    return "Written by `scripts/reference.py` from the docstrings; `vaerun list GROUP` says the same in a terminal.\n"


if __name__ == "__main__":
    main()

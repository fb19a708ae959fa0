"""Pages of words in Markdown: what a run is computed with, and what it has come to."""

from collections.abc import Iterable, Mapping, Sequence

from vaerun.evaluation.meaning import meaning


def code_block(text: str, language: str = "") -> str:
    """Markdown that shows ``text`` as it stands."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text.rstrip()}\n{fence}\n"


def environment(facts: Mapping[str, str]) -> str:
    """A table of facts."""
    return _table(("what", "of this run"), facts.items())


def results(status: str, reason: str | None, metrics: Mapping[str, float | None]) -> str:
    """How a run has ended, and a table of its last figures: those of the test points first, errors beside them."""
    errors = {tag: value for tag, value in metrics.items() if tag.partition("/")[0].endswith("_se")}
    rows = []
    for tag in sorted(metrics.keys() - errors.keys(), key=lambda tag: (tag.partition("/")[2] != "test", tag)):
        quantity, _, split = tag.partition("/")
        error = errors.get(f"{quantity}_se/{split}")
        rows.append((f"`{tag}`", _number(metrics[tag]), "" if error is None else f"± {error:.2g}", meaning(tag)))
    sentence = f"**{status}**" + ("" if reason is None else f": {reason}")
    return f"{sentence}\n\n" + _table(("figure", "value", "standard error", "what it is"), rows)


def _number(value: float | None) -> str:
    return "not finite" if value is None else f"{value:,.4g}" if abs(value) < 1 else f"{value:,.3f}"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)

"""Texts in Markdown: the environment of a run, and its results."""

from collections.abc import Iterable, Mapping, Sequence

from vaerun.metric.metric import Metric, error_of, find, is_error


def code_block(text: str, language: str = "") -> str:
    """A code block in Markdown with ``text`` unchanged."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text.rstrip()}\n{fence}\n"


def environment(values: Mapping[str, str]) -> str:
    """A table of the machine, versions and data of a run."""
    return _table(("property", "value"), values.items())


def results(
    status: str, reason: str | None, metrics: Mapping[str, float | None], declared: Mapping[str, Metric]
) -> str:
    """The status of a run, and a table of its last metrics with standard errors, those of the test points first."""
    shown = [tag for tag in metrics if not is_error(tag)]
    rows = []
    for tag in sorted(shown, key=lambda tag: (tag.partition("/")[2] != "test", tag)):
        error = metrics.get(error_of(tag))
        beside = "" if error is None else f"± {error:.2g}"
        rows.append((f"`{tag}`", _number(metrics[tag]), beside, find(declared, tag).meaning))
    sentence = f"**{status}**" + ("" if reason is None else f": {reason}")
    return f"{sentence}\n\n" + _table(("metric", "value", "standard error", "meaning"), rows)


def _number(value: float | None) -> str:
    return "not finite" if value is None else f"{value:,.4g}" if abs(value) < 1 else f"{value:,.3f}"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)

"""Checks that runs use the same data, binarisation and splits; otherwise metrics cannot be compared."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from vaerun.errors import UserError
from vaerun.report.recorded import Recorded

FACTS = {"name": "data", "binarize": "binarisation", "split_sizes": "split sizes", "sha256": "data sha256"}


def require(runs: Sequence[Recorded]) -> None:
    """Refuses runs with different data.

    Raises:
        UserError: it names two runs and the difference.
    """
    for run in runs:
        told = contrast(runs[0], run)
        if told is not None:
            raise UserError(
                f"{runs[0].directory} and {run.directory} do not use the same data: {told}. Give runs with equal data, "
                f"or compare them nevertheless with --mixed (in Python, mixed=True)."
            )


def contrasts(runs: Iterable[Recorded]) -> list[str]:
    """All differences of the data of ``runs`` from those of the first run."""
    runs = list(runs)
    return list(dict.fromkeys(told for run in runs if (told := contrast(runs[0], run)) is not None))


def other_values(runs: Sequence[Recorded]) -> str | None:
    """How the values of ``runs`` differ, so that a nat is not the same in all of them; None if they do not.

    Splits of other sizes are no such difference, and neither is another name of the same values.
    """
    for other in runs[1:]:
        a, b = runs[0].data, other.data
        alike = bool(a and b) and all(a.get(key) == b.get(key) for key in ("name", "binarize"))
        only_splits = alike and a.get("split_sizes") != b.get("split_sizes")
        if not only_splits and (told := contrast(runs[0], other)) is not None:
            return told
    return None


def contrast(one: Recorded, other: Recorded) -> str | None:
    """The difference between the data of two runs; None if there is none.

    If a run has not recorded its data yet, its configuration is compared instead.
    """
    if one is other:
        return None
    if one.data and other.data:
        decisive = [key for key in ("binarize", "split_sizes", "sha256") if one.data.get(key) != other.data.get(key)]
        # A different name alone is not a difference, but it describes one best.
        shown = "name" if decisive and one.data.get("name") != other.data.get("name") else next(iter(decisive), None)
        return shown and f"{FACTS[shown]} {_text(one.data.get(shown))} and {_text(other.data.get(shown))}"
    a, b = _settings(one), _settings(other)
    for key in sorted(a.keys() | b.keys()):
        if a.get(key) != b.get(key):
            return f"{key} {_text(a.get(key))} and {_text(b.get(key))}"
    return None


def _settings(run: Recorded) -> dict[str, Any]:
    return {key: value for key, value in run.configuration.items() if key.startswith("data.")}


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return " + ".join(f"{count:,}" if isinstance(count, int) else str(count) for count in value.values())
    return f"{value[:12]}…" if isinstance(value, str) and len(value) == 64 else str(value)

"""Whether runs use the same data: metrics of other data, binarisation or splits cannot be compared."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from vaerun.errors import UserError
from vaerun.report.recorded import Recorded

FACTS = {"name": "data", "binarize": "binarisation", "split_sizes": "split sizes", "sha256": "data sha256"}


def require(runs: Sequence[Recorded]) -> None:
    """Refuses runs of which two differ in their data.

    Raises:
        UserError: two do; it names them and the difference.
    """
    for run in runs:
        told = contrast(runs[0], run)
        if told is not None:
            raise UserError(
                f"{runs[0].directory} and {run.directory} do not use the same data: {told}. Name runs of one data set, "
                f"or add --mixed to compare them nevertheless."
            )


def contrasts(runs: Iterable[Recorded]) -> list[str]:
    """Every way in which ``runs`` differ from the first of them."""
    runs = list(runs)
    return list(dict.fromkeys(told for run in runs if (told := contrast(runs[0], run)) is not None))


def contrast(one: Recorded, other: Recorded) -> str | None:
    """In what the data of two runs differ; None where they do not.

    What a run that has not ended does not know of its data, its configuration has to say.
    """
    if one is other:
        return None
    if one.data and other.data:
        decisive = [key for key in ("binarize", "split_sizes", "sha256") if one.data.get(key) != other.data.get(key)]
        # The name is no difference by itself, and the best word for one.
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

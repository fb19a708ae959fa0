"""Different budgets of compared runs: how long they train, on how many points, and how the data were prepared."""

from collections.abc import Mapping, Sequence
from typing import Any

from vaerun.report.configuration import BUDGET, written
from vaerun.report.matched import At
from vaerun.report.recorded import Recorded, mapping
from vaerun.report.row import Row

POINTS = "training points"
# Of the data in summary.json; "values" is a text about the points, which follows from other keys.
NOT_PREPARATION = ("name", "sha256", "split_sizes", "shape", "support", "values", "columns", "labels")


def budgets(rows: Sequence[Row], at: At | None) -> dict[str, list[str]]:
    """Name of a budget ↦ its values in order of the rows; only those in which the compared rows differ.

    Args:
        rows: the configurations.
        at: the cost at which the runs are compared. Their limits do not matter then, but batch size and data do.
    """
    runs = [entry.run for row in rows for entry in row.entries if entry.used]
    found = [_of_run(run, at) for run in runs]
    names = list(dict.fromkeys(name for one in found for name in one))
    values = {name: list(dict.fromkeys(written(one[name]) for one in found if name in one)) for name in names}
    return {name: some for name, some in values.items() if len(some) > 1}


def said(found: Mapping[str, Sequence[str]]) -> str:
    """``trainer.epochs 40 and 5, trainer.batch_size 50 and 100``"""
    return ", ".join(f"{name} {' and '.join(values)}" for name, values in found.items())


def _of_run(run: Recorded, at: At | None) -> dict[str, Any]:
    configuration = run.configuration
    keys = BUDGET if at is None else ("trainer.batch_size",)
    points = mapping(run.data.get("split_sizes")).get("train")
    prepared = {f"data {key}": value for key, value in run.data.items() if key not in NOT_PREPARATION}
    chosen = {key: value for key, value in configuration.items() if key.startswith("data.") and "_target_" not in key}
    return {
        **{key: configuration[key] for key in keys if key in configuration},
        **({POINTS: points} if points is not None else {}),
        **{key: value for key, value in prepared.items() if f"data.{key[5:]}" not in chosen},
        **chosen,
    }

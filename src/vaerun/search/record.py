"""The record of a search as a plain file, ``search.json``, which the report reads without optuna."""

import json
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vaerun.search.objective import Objective
from vaerun.search.trials import DIRECTORY, REASON

if TYPE_CHECKING:
    import optuna

FILE = "search.json"
STATES = {
    "COMPLETE": "completed",
    "PRUNED": "pruned",
    "FAIL": "failed",
    "RUNNING": "unfinished",
    "WAITING": "unfinished",
}


def content(study: "optuna.Study", objectives: Sequence[Objective]) -> bytes:
    """The content of the file.

    Args:
        study: of optuna.
        objectives: of the search.
    """
    whole = {
        "objectives": [{"tag": one.tag, "better": one.better} for one in objectives],
        "trials": [_trial(trial) for trial in study.trials],
        "pareto": pareto(study),
        "importances": [_importances(study, number) for number in range(len(objectives))],
    }
    return (json.dumps(whole, indent=1, ensure_ascii=False) + "\n").encode()


def pareto(study: "optuna.Study") -> list[int]:
    """The numbers of the trials that no other trial beats in every objective, the best in the first one first.

    Of one objective, it is the best trial.
    """
    if not _completed(study):
        return []
    sign = -1 if study.directions[0].name == "MAXIMIZE" else 1
    return [trial.number for trial in sorted(study.best_trials, key=lambda trial: sign * trial.values[0])]


def _completed(study: "optuna.Study") -> list[Any]:
    return [trial for trial in study.trials if trial.state.name == "COMPLETE"]


def _trial(trial: Any) -> dict[str, Any]:
    last = trial.intermediate_values[max(trial.intermediate_values)] if trial.intermediate_values else None
    return {
        "number": trial.number,
        "state": STATES[trial.state.name],
        "values": list(trial.values or []),
        "last": last,  # the last value that training recorded
        "params": dict(trial.params),
        "directory": trial.user_attrs.get(DIRECTORY, ""),
        "reason": trial.user_attrs.get(REASON, ""),
    }


def _importances(study: "optuna.Study", number: int) -> Mapping[str, float]:
    """The importance of each key for one objective; empty if there are too few trials to compute it."""
    import optuna

    evaluator = optuna.importance.PedAnovaImportanceEvaluator()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = optuna.importance.get_param_importances(
                study, evaluator=evaluator, target=lambda trial: trial.values[number]
            )
        except (RuntimeError, ValueError, ZeroDivisionError):
            return {}
    return {str(key): float(value) for key, value in found.items() if value == value}

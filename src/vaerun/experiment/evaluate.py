"""Opens a run and evaluates it, by one process or by several that divide the points."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from vaerun.config.trust import trusted, trusting
from vaerun.data.base import Dataset
from vaerun.errors import UserError
from vaerun.evaluation.base import EvaluationResult
from vaerun.execution import follower, team
from vaerun.experiment.load import open_run
from vaerun.experiment.new_data import chosen
from vaerun.experiment.new_path import path_in
from vaerun.experiment.run import Run

DEVICES = "execution.devices="


def evaluate(
    directory: Path, evaluation: Any, *, checkpoint: str, overrides: Sequence[str], split: str | None = None
) -> tuple[Dataset, int, EvaluationResult]:
    """The data that were evaluated, the step of the run in a directory, and the result of an evaluation.

    Args:
        directory: the run directory.
        evaluation: its composed node, as plain values.
        checkpoint: ``best`` or ``last``.
        overrides: as ``load`` takes them; the number of processes is 1 unless they set ``execution.devices``. If
            ``data.path`` is not the file of the training data, all its points are evaluated as the split ``new``.
        split: the split, if it was asked for by name.

    Raises:
        UserError: as ``load`` and ``Run.evaluate``.
    """
    with ExitStack() as stack:
        others = stack.enter_context(team.leading(devices_of(overrides)))
        run = open_run(directory, checkpoint=checkpoint, overrides=overrides)
        if others is not None:
            words = directory, evaluation, checkpoint, list(overrides), split, trusted()
            stack.enter_context(others.join(run.device, follow, *words))
        data, result = on_chosen(run, evaluation, overrides, split)
        return data, run.step, result


def on_chosen(
    run: Run, evaluation: Any, overrides: Sequence[str], split: str | None
) -> tuple[Dataset, EvaluationResult]:
    """The data of a run, or the points of another file, and the result of an evaluation on them."""
    data = chosen(run, path_in(overrides), split)
    if data.new is None:
        return data, run.evaluate(evaluation, data=data)
    if "split" not in evaluation:
        raise UserError("this evaluation has no key split, so it cannot evaluate new points: leave data.path out.")
    return data, run.evaluate({**evaluation, "split": "new"}, data=data)


def follow(
    directory: Path,
    evaluation: Any,
    checkpoint: str,
    overrides: Sequence[str],
    split: str | None,
    trust: Sequence[str],
) -> None:
    """Takes part in ``evaluate`` as one of several processes, not the first."""
    with trusting(trust):
        run = open_run(directory, checkpoint=checkpoint, overrides=overrides)
        with follower.joined(run.device):
            on_chosen(run, evaluation, overrides, split)


def devices_of(overrides: Sequence[str]) -> int:
    """The number of processes that the last word about it sets; 1 where ``load`` will refuse the words."""
    given = [word.removeprefix(DEVICES) for word in overrides if word.startswith(DEVICES)]
    return int(given[-1]) if given and given[-1].isdecimal() and int(given[-1]) > 0 else 1

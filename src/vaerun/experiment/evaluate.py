"""Opens a run and evaluates it, by one process or by several that divide the points."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from vaerun.evaluation.base import EvaluationResult
from vaerun.execution import follower, team
from vaerun.experiment.load import load
from vaerun.experiment.run import Run

DEVICES = "execution.devices="


def evaluate(
    directory: Path, evaluation: Any, *, checkpoint: str, overrides: Sequence[str]
) -> tuple[Run, EvaluationResult]:
    """The run in a directory, and the result of an evaluation.

    Args:
        directory: the run directory.
        evaluation: its composed node, as plain values.
        checkpoint: ``best`` or ``last``.
        overrides: as ``load`` takes them; the number of processes is 1 unless they set ``execution.devices``.

    Raises:
        UserError: as ``load`` and ``Run.evaluate``.
    """
    with ExitStack() as stack:
        others = stack.enter_context(team.leading(devices_of(overrides)))
        run = load(directory, checkpoint=checkpoint, overrides=overrides)
        if others is not None:
            words = directory, evaluation, checkpoint, list(overrides)
            stack.enter_context(others.join(run.device, follow, *words))
        return run, run.evaluate(evaluation)


def follow(directory: Path, evaluation: Any, checkpoint: str, overrides: Sequence[str]) -> None:
    """Takes part in ``evaluate`` as one of several processes, not the first."""
    run = load(directory, checkpoint=checkpoint, overrides=overrides)
    with follower.joined(run.device):
        run.evaluate(evaluation)


def devices_of(overrides: Sequence[str]) -> int:
    """The number of processes that the last word about it sets; 1 where ``load`` will refuse the words."""
    given = [word.removeprefix(DEVICES) for word in overrides if word.startswith(DEVICES)]
    return int(given[-1]) if given and given[-1].isdecimal() and int(given[-1]) > 0 else 1

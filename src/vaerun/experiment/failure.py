"""How a run failed, in words: the place, the cause, the step that was reached, and what to do."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaerun.errors import DivergedError, Interrupted, RunError, UserError
from vaerun.execution import parallel
from vaerun.experiment.directory import how_to_resume, write_summary
from vaerun.experiment.resume import smaller_steps
from vaerun.system.fault import fault_of
from vaerun.system.memory import refused_memory
from vaerun.trainer.checkpoint_writer import CheckpointWriter
from vaerun.trainer.divergence import cause

if TYPE_CHECKING:
    from vaerun.experiment.experiment import Experiment

logger = logging.getLogger("vaerun")


def as_failure(
    error: BaseException, directory: Path, writer: CheckpointWriter, config: Mapping[str, Any]
) -> BaseException:
    """The error; for a fault of the machine, a RunError that says where the run stands and how it goes on."""
    if isinstance(error, (UserError, RunError)) or not isinstance(error, Exception):
        return error
    step = None if writer.training is None else writer.training.progress.step
    first = "before its first step" if writer.saved is None else "before it continued"
    reached = first if step is None else f"after step {step}"
    if memory := refused_memory(error):
        return RunError(f"{memory}; the run stopped {reached}.")
    fault = fault_of(error)
    if fault is None:
        return error
    if writer.training is not None and not writer.directory.exists():
        by_hand = "experiment.fit('NEW_NAME') in Python, with an experiment of the same objects"
        continued = by_hand if not config else "vaerun train resume=NEW_NAME"
        return RunError(
            f"{directory} was removed or renamed during training; the run stopped {reached}, {_saved(writer)}: if it "
            f"was renamed, continue with: {continued}"
        )
    go_on = f"continue with: {how_to_resume(directory)}" if writer.saved is not None else "start again"
    return RunError(f"{fault.what}; the run stopped {reached}, {_saved(writer)}: {fault.remedy}, then {go_on}")


def explained(error: DivergedError, experiment: "Experiment", directory: Path) -> DivergedError:
    """The same with its cause, and what to try."""
    try:
        found = repeated(error, experiment, directory) if parallel.size() == 1 else None
    except (Exception, KeyboardInterrupt):  # the divergence must be reported in any case
        found = None
    why = "" if found is None else f": {found}"
    remedy = smaller_steps(experiment.config, directory, per_point=experiment.strategy.per_point)
    return DivergedError(f"{error}{why}. {remedy}", error.step)


def repeated(error: DivergedError, experiment: "Experiment", directory: Path) -> str | None:
    """The cause of a divergence, found by repeating the last steps; on one process only, because others have ended."""
    logger.info("diverged: the steps since the last checkpoint are repeated to find the cause")
    return cause(
        experiment.strategy,
        experiment.data,
        validation=experiment.trainer.validation,
        batch_size=experiment.trainer.batch_size,
        seed=experiment.seed,
        directory=directory / "checkpoints",
        end=error.step,
    )


def interrupted(error: BaseException, directory: Path) -> BaseException:
    """The error; for an interruption, one whose message says how to resume."""
    if isinstance(error, KeyboardInterrupt):
        return Interrupted(f"{str(error) or 'interrupted'}; resume with: {how_to_resume(directory)}")
    return error


def _saved(writer: CheckpointWriter) -> str:
    return "without a checkpoint" if writer.saved is None else f"and its newest checkpoint is of step {writer.saved}"


def keep_summary(directory: Path, summary: Mapping[str, Any]) -> None:
    """Writes summary.json of a run that has failed; where that is impossible, a warning must do."""
    with told("summary.json"):
        write_summary(directory, summary)


@contextmanager
def told(what: str) -> Iterator[None]:
    """Turns an OSError into a warning, because an earlier error is the one to report."""
    try:
        yield
    except OSError as error:
        logger.warning("%s could not be written (%s)", what, error)

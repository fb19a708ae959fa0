"""What surrounds the training of a run: its status in summary.json, its records, and its checkpoints."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, NamedTuple

from vaerun.errors import DivergedError
from vaerun.execution.memory import large_blocks_kept
from vaerun.experiment.directory import RunDirectory, has_checkpoint, write_summary
from vaerun.experiment.failure import as_failure, explained, interrupted, keep_summary, told
from vaerun.experiment.needs import estimated, is_roomy, refuse_too_large
from vaerun.experiment.observers import Observers
from vaerun.experiment.summary import outcome, reason, recorded, unfinished
from vaerun.metric.metric import write
from vaerun.trainer.checkpoint_writer import CheckpointWriter
from vaerun.trainer.resume_point import ResumePoint, SavedStates
from vaerun.trainer.stop_request import defer_signals
from vaerun.trainer.watcher import Watcher

if TYPE_CHECKING:
    from vaerun.experiment.experiment import Experiment


class Started(NamedTuple):
    """A run whose training can begin."""

    observers: Observers
    watchers: tuple[Watcher, ...]  # of the training: records, images, checkpoints, stop requests, and the user's
    resume: ResumePoint | None  # the state that it continues from


@contextmanager
def running(experiment: "Experiment", directory: RunDirectory, *, live: bool) -> Iterator[Started]:
    """Inside, the status of the run is ``running``; an error inside becomes its status.

    Args:
        experiment: the run's objects.
        directory: locked.
        live: whether to show a status line on a terminal.

    Raises:
        UserError: the run does not fit into memory or on the disk.
        RunError: the run failed or diverged.
        Interrupted: a signal came; the message says how to resume.
    """
    about = write(experiment.declared)
    writer = CheckpointWriter(directory.checkpoints, experiment.trainer.checkpoints)
    observers: Observers | None = None
    try:
        known = {"seed": experiment.seed, "data": recorded(experiment.data), "about": about}
        write_summary(directory.path, {"status": "running", "reason": None, **known})
        needs = estimated(experiment)
        refuse_too_large(needs, experiment.device, directory.path)
        kept = large_blocks_kept() if is_roomy(needs, experiment.device) else nullcontext()
        with defer_signals() as stop, kept:
            begun = has_checkpoint(directory.path)
            resume = SavedStates(directory.checkpoints, experiment.device).mended() if begun else None
            writer.saved = None if resume is None else resume.progress.step
            observers = Observers(experiment, directory.path, resume, live=live, needs=needs.words())
            yield Started(observers, (*observers.watchers, writer, stop, *experiment.watchers), resume)
    except BaseException as raised:
        error = explained(raised, experiment, directory.path) if isinstance(raised, DivergedError) else raised
        failure = as_failure(error, directory.path, writer, experiment.config)
        if observers is not None:
            with told("the end of the records"):
                observers.close(outcome(failure), reason(failure))
        summary = unfinished(failure, directory.path, seed=experiment.seed, experiment=experiment)
        keep_summary(directory.path, summary)
        if failure is not error:
            raise failure from error
        raise interrupted(error, directory.path) from None

"""Runs the jobs that a sweeper of vaerun chooses one after the other, by the results of those that have ended."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, final

from hydra.errors import ConfigCompositionException, MissingConfigException
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf

from vaerun.errors import Interrupted, UserError
from vaerun.experiment.directory import read_summary
from vaerun.sweep import marker, progress
from vaerun.sweep.directory import SweepDirectory
from vaerun.sweep.display import Display
from vaerun.sweep.job import Job, labelled
from vaerun.sweep.launcher import ATTEMPTS, record_killed
from vaerun.sweep.outcome import Outcome
from vaerun.sweep.progress import COMPLETED, LOST, WAITING, State
from vaerun.sweep.starter import Starter
from vaerun.sweep.watch import Watch
from vaerun.system.output import shown


class CheckedComposer:
    """Composes and checks the configurations of jobs.

    Args:
        context: Hydra's.
        config: of the sweep.
        check: refuses a composed configuration that cannot run.
    """

    def __init__(self, context: HydraContext, config: DictConfig, check: Callable[[DictConfig], None]) -> None:
        self.loader, self.config, self.check = context.config_loader, config, check

    def __call__(self, words: Sequence[str]) -> DictConfig:
        """The configuration of a job with these overrides.

        Raises:
            UserError: it cannot run. Hydra raises its own exceptions for words that it cannot compose.
        """
        composed = self.composed(words)
        self.check(composed)
        return composed

    def composed(self, words: Sequence[str]) -> DictConfig:
        """The same, without the check.

        Hydra raises its own exceptions for words that it cannot compose.
        """
        return self.loader.load_sweep_config(self.config, list(words))

    def refuse_typos(self, examples: Iterable[Sequence[str]]) -> None:
        """Composes examples of jobs, so that a key or an option that does not exist is found before the first job.

        Hydra raises its own exceptions: for the first example, and for options that do not exist.
        """
        for number, words in enumerate(examples):
            try:
                self.composed(words)
            except MissingConfigException:
                raise
            except ConfigCompositionException:
                if number == 0:
                    raise


@final
class Runner:
    """Runs jobs in the directory of a sweep with its launcher. Use it in a with statement.

    Args:
        starter: starts the jobs.
        place: the directory, locked.
        outcome: has the plan of the sweep; receives the jobs and how they ended.
        compose: composes and checks the configuration of a job.
        total: how many jobs there will be, at most.
        batch: how many jobs run at the same time on another machine.
    """

    def __init__(
        self,
        starter: Starter,
        place: SweepDirectory,
        outcome: Outcome,
        compose: CheckedComposer,
        *,
        total: int,
        batch: int | None = None,
    ) -> None:
        self.starter, self.place, self.outcome, self.compose = starter, place, outcome, compose
        threads = int(OmegaConf.select(starter.config, "execution.threads") or 1)
        self.parallel = starter.places(threads, total)
        self.batch = self.parallel or batch
        self.display = Display(outcome.jobs, self.parallel, total)
        self.on_look: Callable[[], None] = lambda: None
        self.error: Exception | None = None
        stop = marker.stop_file(place.path)
        self.watch = Watch(outcome.jobs, outcome.states, self.display, stop, then=self._looked)
        self.attempts: dict[str, int] = {}

    def __enter__(self) -> "Runner":
        self.outcome.directory = self.place.path
        self.watch.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.watch.__exit__()
        self.display.close()

    def job(self, words: Sequence[str], keys: Sequence[str], label: str = "") -> Job:
        """The job with these overrides and its run directory; the same job for the same configuration.

        Args:
            words: all overrides.
            keys: those that name its directory, if it is new.
            label: its name in what is shown; by default the overrides of the keys.

        Raises:
            UserError: it cannot run. Hydra raises its own exceptions for words that it cannot compose.
        """
        job = labelled(Job(tuple(words), self.compose(words)), keys, label)
        (placed,) = self.place.with_directories([job])
        known = self.watch.place.get(placed.name)
        if known is not None:
            return self.outcome.jobs[known]
        done = progress.is_completed(placed.directory)
        marker.marker(placed.directory).unlink(missing_ok=True)
        self.watch.add(placed, State(COMPLETED, earlier=True) if done else State(WAITING))
        return placed

    def run(self, jobs: Iterable[Job]) -> None:
        """Runs the jobs that are not completed; returns when all have ended.

        Args:
            jobs: the next one is taken when a process is free; it can be chosen by the results so far.

        Raises:
            Interrupted: a signal came; the states of the jobs are saved.
            UserError: the launcher could not start the jobs.
        """
        waiting: Iterator[Job] = iter(jobs)
        while True:
            started: list[Job] = []
            todo = self._next(waiting, started)
            error = self.starter.start(todo, len(self.attempts), self.parallel, self.watch, self.batch)
            self.watch.wait(started)
            if self.error is not None:
                raise self.error
            if self.watch.asked:
                raise Interrupted("interrupted")
            if error is not None and started and all(self.watch.state(job).status == WAITING for job in started):
                option = self.starter.config.hydra.runtime.choices.get("hydra/launcher")
                raise UserError(f"hydra/launcher={option} could not start the jobs: {' '.join(str(error).split())}")
            if not started:
                break
        record_killed(self.outcome.jobs, self.outcome.states)

    def look(self) -> None:
        """Reads the states of all jobs."""
        self.watch.look()

    def state(self, job: Job) -> State:
        """The state of a job, as last seen; LOST if its process was killed so often that it is not started again."""
        return self.watch.state(job)

    def is_over(self, job: Job) -> bool:
        """Whether a job has ended and will not be started again."""
        status = self.state(job).status
        return status in progress.ENDED and not (status == LOST and self.attempts.get(job.name, 0) < ATTEMPTS)

    def summary(self, job: Job) -> dict[str, Any]:
        """The summary of a job's run."""
        return read_summary(job.directory)

    def shown(self, path: Path) -> str:
        """The path as the user sees it."""
        return shown(path, self.outcome.plan.user_folder)

    def prune(self, job: Job) -> None:
        """Asks one job to stop after the current step, with its state saved."""
        marker.prune_file(job.directory).touch()

    def _next(self, waiting: Iterator[Job], started: list[Job]) -> Iterator[Job]:
        """Jobs whose process was killed, and then the next ones that are not completed."""
        while not self.watch.asked and self.error is None:
            self.look()
            lost = [job for job in self.outcome.jobs if self.state(job).status == LOST and not self.is_over(job)]
            job = lost[0] if lost else next(waiting, None)
            if job is None:
                return
            if self.state(job).earlier:
                continue
            marker.marker(job.directory).unlink(missing_ok=True)
            self.attempts[job.name] = self.attempts.get(job.name, 0) + 1
            started.append(job)
            yield job

    def _looked(self) -> None:
        try:
            if self.error is None:
                self.on_look()
        except Exception as error:  # of a thread, so that ``run`` raises it
            self.error = error

"""A launcher that wraps any launcher of Hydra: it checks, names, skips, watches and repeats the jobs of a sweep."""

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from vaerun.errors import Interrupted, UserError, counted
from vaerun.experiment.directory import read_summary, write_summary
from vaerun.sweep import marker, progress
from vaerun.sweep.composer import Composer
from vaerun.sweep.directory import HYDRAS_FILE, SweepDirectory, refuse_odd_files
from vaerun.sweep.display import Display
from vaerun.sweep.illegal import legal_jobs
from vaerun.sweep.inner import inner_launcher
from vaerun.sweep.job import Job, distinguished, key_of
from vaerun.sweep.outcome import Outcome
from vaerun.sweep.progress import COMPLETED, FAILED, LOST, WAITING, State
from vaerun.sweep.starter import Starter
from vaerun.sweep.values import refuse_no_value
from vaerun.sweep.watch import Watch
from vaerun.system.output import shown

ATTEMPTS = 3  # how often a job is started whose process is killed
KILLED = f"its process was killed {ATTEMPTS} times: perhaps so many jobs at the same time need too much memory"


class SweepLauncher:
    """Runs the jobs of a sweep with another launcher.

    Args:
        starter: starts the jobs.
        composer: has composed the jobs.
        outcome: has the plan of the sweep; receives the jobs and how they ended.
    """

    def __init__(self, starter: Starter, composer: Composer, outcome: Outcome) -> None:
        self.starter, self.composer, self.outcome = starter, composer, outcome
        self.plan, self.config, self.path = outcome.plan, starter.config, starter.sweep

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[JobReturn]:
        """Runs those jobs that are not completed; returns the summary of each job's run.

        Raises:
            UserError: combinations are illegal, or another sweep uses the directory.
            Interrupted: a signal came; the states of the jobs are saved.
        """
        try:
            parser = OverridesParser.create(config_loader=self.composer.loader)
            refuse_no_value(parser.parse_overrides(list(self.config.hydra.overrides.task)))
            jobs = distinguished(legal_jobs(job_overrides, self.composer, self.config, self.plan))
            parallel = self.starter.parallel(jobs)
        except BaseException:
            self._leave_nothing()
            raise
        with SweepDirectory(self.path) as place:
            jobs = place.with_directories(jobs)
            place.write(self.plan.definition)
            self.composer.leave()
            earlier = [progress.is_completed(job.directory) for job in jobs]
            for job in jobs:
                marker.clear(marker.marker(job.directory))
            todo = [job for job, done in zip(jobs, earlier, strict=True) if not done]
            self.outcome.directory = self.path
            self.outcome.jobs += jobs
            states = [State(COMPLETED, earlier=done) if done else State(WAITING) for done in earlier]
            display = Display(jobs, parallel)
            display.say(self._announcement(jobs, todo, parallel))
            try:
                with Watch(list(jobs), states, display, marker.stop_file(self.path)) as watch:
                    self._run(todo, initial_job_idx, parallel, watch)
                record_killed(jobs, states)
            finally:
                display.close()
                self.outcome.states += states
        return [_returned(job) for job in jobs]

    def _run(self, todo: Sequence[Job], index: int, parallel: int | None, watch: Watch) -> None:
        """Starts the jobs, and again those whose process was killed."""
        for _ in range(ATTEMPTS):
            for job in todo:
                marker.clear(marker.marker(job.directory))
            error = self.starter.start(todo, index, parallel, watch) if todo else None
            watch.wait(todo)
            if watch.asked:
                raise Interrupted("interrupted")
            left = [job for job in todo if watch.state(job).status in (LOST, WAITING)]
            if error is not None and len(left) == len(todo) and all(watch.state(job).status == WAITING for job in left):
                option = self.config.hydra.runtime.choices.get("hydra/launcher")
                raise UserError(f"hydra/launcher={option} could not start the jobs: {' '.join(str(error).split())}")
            todo = left
            if not todo:
                return

    def _announcement(self, jobs: Sequence[Job], todo: Sequence[Job], parallel: int | None) -> str:
        done = len(jobs) - len(todo)
        finished = f", {done} of them completed earlier" if done else ""
        at_once = f"; {parallel} at the same time" if parallel is not None else ""
        return (
            f"sweep of {counted(len(jobs), 'job')}{finished}{at_once}\n"
            f"directory {shown(self.path, self.plan.user_folder)}; to continue it: {self.plan.again(self.path)}"
        )

    def _leave_nothing(self) -> None:
        """Removes the directory of a refused sweep, in which Hydra has written only its own file."""
        with contextlib.suppress(OSError):
            if {path.name for path in self.path.iterdir()} <= {HYDRAS_FILE}:
                (self.path / HYDRAS_FILE).unlink(missing_ok=True)
                self.path.rmdir()


def wrapping(
    outcome: Outcome,
) -> Callable[[Callable[[], Any], TaskFunction, HydraContext, DictConfig], SweepLauncher]:
    """The function that wraps a launcher for ``config.hydra.launcher_wrapped``; ``outcome`` as of ``SweepLauncher``."""

    def wrap(
        configured: Callable[[], Any], task: TaskFunction, context: HydraContext, config: DictConfig
    ) -> SweepLauncher:
        path = Path(str(config.hydra.sweep.dir)).absolute()
        if any(key_of(word) == "hydra.run.dir" for word in config.hydra.overrides.hydra):
            raise UserError("hydra.run.dir is the directory of one run: for a sweep, use hydra.sweep.dir=DIR.")
        refuse_odd_files(path)
        starter = Starter(inner_launcher(config, configured), task, context, config, path)
        return SweepLauncher(starter, Composer(context.config_loader), outcome)

    return wrap


def record_killed(jobs: Sequence[Job], states: list[State]) -> None:
    """Writes into the summary of a run whose process was killed that it is not running any more."""
    for number, (job, state) in enumerate(zip(jobs, states, strict=True)):
        if state.status != LOST:
            continue
        states[number] = State(FAILED, KILLED, state.seconds)
        summary = read_summary(job.directory)
        if summary.get("status") in (None, "running"):
            write_summary(job.directory, {**summary, "status": "failed", "reason": KILLED})


def _returned(job: Job) -> JobReturn:
    """What Hydra's sweepers expect of a job: the summary of its run."""
    made = JobReturn(overrides=list(job.overrides), cfg=job.config, hydra_cfg=job.config, task_name="vaerun")
    made.status = JobStatus.COMPLETED
    made.return_value = read_summary(job.directory)
    return made

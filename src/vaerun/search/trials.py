"""The trials of a search: asked of optuna, run as jobs of a sweep, pruned while they run, and told to optuna."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, final

from vaerun.config.error_message import explain
from vaerun.errors import UserError
from vaerun.search.objective import Objective
from vaerun.search.space import Space
from vaerun.search.study import distributions
from vaerun.search.validation import Recorded
from vaerun.sweep.job import Job
from vaerun.sweep.launcher import KILLED
from vaerun.sweep.progress import COMPLETED, FAILED, LOST, PRUNED, RUNNING
from vaerun.sweep.runner import Runner

if TYPE_CHECKING:
    import optuna

REASON, DIRECTORY = "reason", "directory"  # what a trial knows besides its values


def shown(params: Mapping[str, Any]) -> str:
    """``learning_rate=0.00123 strategy=joint``: the last word of each key, and four digits."""
    texts = {key: f"{value:.4g}" if isinstance(value, float) else str(value) for key, value in params.items()}
    return " ".join(f"{key.rpartition('.')[2]}={text}" for key, text in texts.items())


@final
class Trials:
    """The trials of one study.

    Args:
        study: of optuna.
        space: what is searched.
        objectives: whose values are told.
        runner: runs the jobs.
        n_trials: trials of the study in all.
    """

    def __init__(
        self, study: "optuna.Study", space: Space, objectives: Sequence[Objective], runner: Runner, n_trials: int
    ) -> None:
        from optuna.trial import TrialState

        self.study, self.space, self.objectives, self.runner, self.n_trials = study, space, objectives, runner, n_trials
        self.lock = threading.RLock()
        self.open: list[tuple[Any, Job]] = []
        self.recorded: dict[int, Recorded] = {}
        self.left = [trial for trial in study.trials if trial.state in (TrialState.RUNNING, TrialState.WAITING)]
        self.earlier = len(study.trials) - len(self.left)

    def jobs(self) -> Iterator[Job]:
        """The jobs of the trials that an earlier call has left, and then of new trials."""
        import optuna

        for frozen in self.left:
            with self.lock:  # not while the job is given away, because another thread takes the lock then
                found = list(self._job(optuna.trial.Trial(self.study, frozen._trial_id), dict(frozen.params)))
            yield from found
        while True:
            with self.lock:
                self.look()
                if len(self.study.get_trials(deepcopy=False)) >= self.n_trials:
                    return
                trial = self._ask()
                found = list(self._job(trial, dict(trial.params)))
            yield from found

    def look(self) -> None:
        """Tells optuna the trials that have ended, and prunes those that it finds hopeless."""
        with self.lock:
            for trial, job in list(self.open):
                if self.runner.is_over(job):
                    self._tell(trial, job)
                elif self.runner.state(job).status == RUNNING and len(self.objectives) == 1:
                    self._report(trial, job)

    def _ask(self) -> "optuna.Trial":
        try:
            return self.study.ask(distributions(self.space.dimensions))
        except ValueError as error:
            raise UserError(
                f"the space does not fit the earlier trials of the study ({error}): choose another hydra.sweep.dir."
            ) from None

    def _job(self, trial: "optuna.Trial", params: dict[str, Any]) -> Iterator[Job]:
        """The job of a trial, if it is not that of an earlier one; a trial that cannot run has failed."""
        known = {job.name for _, job in self.open}
        try:
            words, keys = self.space.words(params), list(self.space.dimensions)
            job = self.runner.job(words, keys, f"trial {trial.number}: {shown(params)}")
        except ValueError as error:
            self._fail(trial, f"its values are not of the space: {error}")
            return
        except Exception as error:
            explained = explain(error)
            if explained is None:
                raise
            self.runner.display.say(f"[trial {trial.number}] cannot run: {explained[0]}")
            self._fail(trial, explained[0])
            return
        trial.set_user_attr(DIRECTORY, job.name)
        self.open.append((trial, job))
        if job.name not in known and not self.runner.is_over(job):
            yield job

    def _tell(self, trial: "optuna.Trial", job: Job) -> None:
        from optuna.trial import TrialState

        state = self.runner.state(job)
        if state.status == COMPLETED:
            values = [one.value(self.runner.summary(job)) for one in self.objectives]
            missing = [one.tag for one, value in zip(self.objectives, values, strict=True) if value is None]
            if missing:
                self._fail(trial, f"the run has no finite {' and '.join(missing)}")
            else:
                self.study.tell(trial, [value for value in values if value is not None])
        elif state.status == PRUNED:
            self._report(trial, job)
            self.study.tell(trial, state=TrialState.PRUNED)
        elif state.status in (FAILED, LOST):
            self._fail(trial, state.reason or KILLED)
        else:
            return  # it was interrupted, and goes on when the search is continued
        self.open.remove((trial, job))

    def _fail(self, trial: "optuna.Trial", reason: str) -> None:
        from optuna.trial import TrialState

        trial.set_user_attr(REASON, reason)
        self.study.tell(trial, state=TrialState.FAIL)

    def _report(self, trial: "optuna.Trial", job: Job) -> None:
        """Reports the new values of the objective, and stops a trial that optuna wants to prune."""
        tag = self.objectives[0].tag
        recorded = self.recorded.setdefault(trial.number, Recorded(job.directory / "metrics.jsonl", tag))
        before = self.study.get_trials(deepcopy=False)[trial.number].intermediate_values
        new = [(epoch, value) for epoch, value in recorded.new() if epoch not in before]
        for epoch, value in dict(new).items():
            trial.report(value, epoch)
        if new and trial.should_prune():
            self.runner.prune(job)

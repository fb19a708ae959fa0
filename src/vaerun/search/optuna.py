"""The sweeper of ``hydra/sweeper=optuna``."""

from collections.abc import Sequence
from pathlib import Path
from typing import final

from hydra.core.override_parser.types import Override

from vaerun.config.ranges import at_least
from vaerun.errors import UserError, counted
from vaerun.search.best import write_best
from vaerun.search.ending import conclude
from vaerun.search.objective import read_objectives
from vaerun.search.record import FILE, content
from vaerun.search.space import read_space
from vaerun.search.study import PRUNERS, SAMPLERS, open_study, require_optuna
from vaerun.search.trials import Trials
from vaerun.sweep.runner import CheckedComposer, Runner
from vaerun.sweep.sweeper import Sweeper
from vaerun.system.whole_file import write

DATABASE = "search.db"


@final
class OptunaSweeper(Sweeper):
    """Searches argmax or argmin of the objectives over the space by optuna's ask and tell.

    Args:
        n_trials: trials of the study, those of earlier calls included.
        objectives: metrics of the validation points, or costs.
        sampler: tpe or random.
        pruner: median, successive_halving, hyperband or none; None for median with one objective that is recorded
            during training, and none otherwise.
        seed: of the sampler.
        storage: a file of sqlite, or the URL of a database; None for search.db in the directory of the sweep.
        n_jobs: trials at the same time if the launcher starts jobs on other machines.

    Raises:
        UserError: an argument is wrong, or optuna is not installed.

    Reference: Akiba et al. 2019, Optuna: a next-generation hyperparameter optimization framework; the sampler tpe:
    Bergstra et al. 2011, Algorithms for hyper-parameter optimization, §4.
    """

    def __init__(
        self,
        *,
        n_trials: int = 40,
        objectives: Sequence[str] = ("elbo/valid",),
        sampler: str = "tpe",
        pruner: str | None = None,
        seed: int = 0,
        storage: str | None = None,
        n_jobs: int = 8,
    ) -> None:
        require_optuna()
        for key, number, least in (("n_trials", n_trials, 1), ("n_jobs", n_jobs, 1), ("seed", seed, 0)):
            if isinstance(number, bool) or not isinstance(number, int):
                raise UserError(f"hydra.sweeper.{key} must be an integer, got {number!r}.")
            at_least(f"hydra.sweeper.{key}", number, least)
        for key, value, known in (("sampler", sampler, SAMPLERS), ("pruner", pruner or "none", PRUNERS)):
            if value not in known:
                raise UserError(f"hydra.sweeper.{key} must be one of {', '.join(known)}, got {value!r}.")
        self.objectives = read_objectives([objectives] if isinstance(objectives, str) else list(objectives))
        prunable = len(self.objectives) == 1 and self.objectives[0].recorded
        if pruner not in (None, "none") and not prunable:
            raise UserError(
                f"hydra.sweeper.pruner={pruner} needs one objective that training records, such as elbo/valid: use "
                f"hydra.sweeper.pruner=none."
            )
        self.pruner = pruner or ("median" if prunable else "none")
        self.n_trials, self.sampler, self.seed, self.storage, self.batch = n_trials, sampler, seed, storage, n_jobs

    def read(self, words: Sequence[Override], compose: CheckedComposer) -> int:
        self.space = read_space(words)
        compose.refuse_typos(self.space.examples())
        return self.n_trials

    def sweep(self, runner: Runner) -> int:
        directory = runner.place.path
        storage = self.storage or str(directory / DATABASE)
        study = open_study(storage, self.objectives, sampler=self.sampler, pruner=self.pruner, seed=self.seed)
        try:
            with runner:
                trials = Trials(study, self.space, self.objectives, runner, self.n_trials)
                runner.display.say(self._announcement(trials, runner))
                runner.on_look = trials.look
                runner.run(trials.jobs())
                trials.look()
        finally:  # outside the runner, which interrupts what takes long after its jobs have stopped
            write(directory / FILE, content(study, self.objectives))
        best = write_best(directory, study, self.space, runner.compose)
        return conclude(study, self.objectives, best, runner.outcome.plan)

    def _announcement(self, trials: Trials, runner: Runner) -> str:
        place, again = Path(runner.place.path), runner.outcome.plan.again(runner.place.path)
        at_once = f"; {runner.parallel} at the same time" if runner.parallel is not None else ""
        earlier = f", {trials.earlier} of them ended earlier" if trials.earlier else ""
        tags = ", ".join(f"{one.tag} ({one.better} is better)" for one in self.objectives)
        return (
            f"search of {counted(max(self.n_trials, trials.earlier), 'trial')} for {tags}{earlier}{at_once}\n"
            f"directory {runner.shown(place)}; to continue it: {again}"
        )

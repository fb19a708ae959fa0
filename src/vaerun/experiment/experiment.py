"""An experiment: data, strategy, trainer and evaluation; ``fit`` trains and tests it."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, final

import torch

from vaerun.bound.monte_carlo import ELBO, KL, LOG_LIKELIHOOD
from vaerun.data.base import Dataset
from vaerun.errors import UserError, counted
from vaerun.evaluation.base import Evaluation, EvaluationResult, evaluated
from vaerun.evaluation.bound import BoundEvaluation
from vaerun.execution import parallel
from vaerun.execution.caller import settings_kept
from vaerun.execution.execution import Execution, Machine
from vaerun.experiment.columns import far_from_one, outweighing
from vaerun.experiment.directory import RunDirectory, write_summary
from vaerun.experiment.discrete_data import discrete_under_density
from vaerun.experiment.fitting import refuse_double, refuse_unfit
from vaerun.experiment.run import Choice, Run
from vaerun.experiment.status import running
from vaerun.experiment.summary import cut_off, summarise, unconverged
from vaerun.experiment.trained import trained
from vaerun.metric.metric import error_of, is_error
from vaerun.strategy.base import Strategy
from vaerun.tracking.base import POSITION, Tracker
from vaerun.trainer import checkpoint
from vaerun.trainer.checkpoint_writer import CheckpointWriter
from vaerun.trainer.metrics import declared
from vaerun.trainer.resume_point import ResumePoint, reread
from vaerun.trainer.stop_request import defer_signals
from vaerun.trainer.trainer import Trainer
from vaerun.trainer.watcher import Watcher

logger = logging.getLogger("vaerun")


@final
class Experiment:
    """Data, strategy (with its bound), trainer and evaluation of one run.

    ``vaerun.experiment.build.build`` makes one from a configuration. By hand:

        experiment = Experiment(data=data, strategy=strategy, trainer=Trainer(epochs=10))
        experiment.fit("runs/mine")

    Args:
        data: the three splits, on the device of the strategy.
        strategy: the strategy to train.
        trainer: the loop.
        evaluation: computed at the end; by default the ELBO and L_100 of the test points.
        seed: of the order of the data and of evaluations; initial weights are drawn before, when the model is made.
        machine: device, threads and matmul backend, for the summary; by default the present settings of torch.
        config: the configuration of the objects; empty for an experiment made by hand.
        watchers: further watchers of the training.
        trackers: further trackers of its records.
        remarks: warnings that the summary keeps, such as about keys without effect.

    Attributes:
        declared: the metrics of its records, by quantity.
    """

    def __init__(
        self,
        *,
        data: Dataset,
        strategy: Strategy,
        trainer: Trainer,
        evaluation: Evaluation | None = None,
        seed: int = 0,
        machine: Machine | None = None,
        config: Mapping[str, Any] | None = None,
        watchers: tuple[Watcher, ...] = (),
        trackers: Sequence[Tracker] = (),
        remarks: Sequence[str] = (),
    ) -> None:
        refuse_single(watchers, trackers)
        for name, part, kind in (
            ("data", data, Dataset),
            ("strategy", strategy, Strategy),
            ("trainer", trainer, Trainer),
        ):
            if not isinstance(part, kind):
                of = ", for example Dataset.of(x) of a tensor x" if kind is Dataset else ""
                raise UserError(f"{name} must be a {kind.__name__}{of}, got {type(part).__name__}.")
        if evaluation is not None and not isinstance(evaluation, Evaluation):
            shown = evaluation.__name__ if isinstance(evaluation, type) else repr(evaluation)
            raise UserError(
                f"evaluation must be an object of a class derived from Evaluation, such as BoundEvaluation(), got "
                f"{shown}."
            )
        refuse_double(strategy)
        refuse_unfit(data, strategy)
        self.data, self.strategy, self.trainer, self.seed = data, strategy, trainer, seed
        self.evaluation = BoundEvaluation() if evaluation is None else evaluation
        self.machine = present_machine(data) if machine is None else machine
        self.config, self.watchers, self.trackers = dict(config or {}), tuple(watchers), tuple(trackers)
        keys = tuple(self.config.get("data", {}))
        units = [*outweighing(data, keys=keys)] or [*far_from_one(data, keys=keys)]
        self.remarks = [*remarks, *data.warnings, *discrete_under_density(data, strategy, keys=keys), *units]
        for watcher in self.watchers:
            if not isinstance(watcher, Watcher):
                raise UserError(f"every watcher must be an object of a class derived from Watcher, got {watcher!r}.")
        for tracker in self.trackers:
            if not isinstance(tracker, Tracker):
                raise UserError(f"every tracker must be an object of a class derived from Tracker, got {tracker!r}.")
        self.declared = declared(strategy, ())

    @property
    def device(self) -> torch.device:
        """The device of the data and the strategy."""
        return self.data.train.x.device

    @property
    def batch_size(self) -> int:
        """B, at most the number of training points."""
        return min(self.trainer.batch_size, len(self.data.train))

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch."""
        return len(self.data.train) // self.batch_size

    def fit(self, directory: RunDirectory | Path | str, *, live: bool = True) -> Run:
        """Trains or resumes, tests the best checkpoint, writes summary.json, and returns the run.

        Args:
            directory: the run directory, or its path. An interrupted run in it is resumed; a finished run is not
                trained again.
            live: whether to show a status line on a terminal; False for one of several runs.

        Raises:
            UserError: the directory is in use or holds another run.
            RunError: the run failed or diverged; the summary says why.
            Interrupted: a signal came; the state is saved.
        """
        if not isinstance(directory, RunDirectory):
            with settings_kept(self.machine), RunDirectory(directory, self.config or None) as claimed:
                return self.fit(claimed, live=live)
        if directory.is_finished:
            directory.tell_finished()
            return self.opened(directory.path, self.restore(directory.path))
        with running(self, directory, live=live) as started:
            self.align(started.resume)
            training = self.trainer.fit(
                self.strategy,
                self.data,
                seed=self.seed,
                evaluation=self.evaluation,
                watchers=started.watchers,
                resume=started.resume,
            )
            warnings = cut_off(self, training.progress.step, self.trainer.budget.reason(training))
            step = self.restore(directory.path)
            training.record(lambda: started.observers.conclude(self.test()))
            records = started.observers.close("completed")
            log_results(records[-1])
            if sentence := self.told_points(records[-1]):
                logger.info(sentence)
            warnings += unconverged(self, records)
            for warning in warnings:
                logger.warning(warning)
            warnings = [*self.remarks, *warnings]
            write_summary(directory.path, summarise(self, training, records, warnings))
        return self.opened(directory.path, step)

    def follow(self, directory: Path) -> None:
        """Takes part in the ``fit`` of process 0, which writes all files; for the other processes of a run.

        Args:
            directory: the run directory, from which checkpoints are read.
        """
        with defer_signals() as stop:
            resume = self.align(of=directory / "checkpoints")
            torch.manual_seed(parallel.seed_of_rank(self.seed))
            writer = CheckpointWriter(directory / "checkpoints", self.trainer.checkpoints)
            training = self.trainer.fit(
                self.strategy,
                self.data,
                seed=self.seed,
                evaluation=self.evaluation,
                watchers=(writer, stop),
                resume=resume,
            )
            self.restore(directory)
            training.record(self.test)

    def align(self, resume: ResumePoint | None = None, *, of: Path | None = None) -> ResumePoint | None:
        """Gives all processes the weights of process 0, and the state of the checkpoint that process 0 has chosen.

        Args:
            resume: on process 0, the state that it resumes from.
            of: on the others, the folder of the checkpoints.
        """
        parallel.copy_first([*self.strategy.shared.parameters(), *self.strategy.shared.buffers()])
        chosen = parallel.of_first(None if resume is None else (resume.path.name, resume.progress))
        if of is None or chosen is None:
            return resume
        return reread(of / chosen[0], chosen[1], self.device)

    def opened(self, directory: Path, step: int) -> Run:
        """The run in a directory, with the present weights, which are those of ``best`` at ``step``."""

        def compute(evaluation: Choice, keys: Mapping[str, Any], data: Dataset) -> EvaluationResult:
            if not isinstance(evaluation, Evaluation):
                raise UserError(
                    f"an experiment made by hand has no options: give an Evaluation object, not {evaluation!r}."
                )
            return self.evaluate(evaluation, data)

        return Run(
            directory,
            self.strategy,
            self.data.info(),
            step=step,
            checkpoint="best",
            read_data=lambda: self.data,
            read_new=refuse_to_read,
            compute=compute,
            machine=self.machine,
        )

    def restore(self, directory: Path, name: str = "best") -> int:
        """Sets the strategy to a checkpoint of a run directory, ``best`` or ``last``; returns its step.

        Raises:
            UserError: there is none, or it belongs to another configuration or other data.
        """
        parallel.wait()  # process 0 has written it
        state = trained(directory, name, self.device)
        checkpoint.restore_tensors(state, self.strategy, self.data)
        return int(state["progress"]["step"])

    def evaluate(self, evaluation: Evaluation | None = None, data: Dataset | None = None) -> EvaluationResult:
        """The result of an evaluation at the present weights; by default of its own evaluation on its own data.

        Its random numbers depend only on the seed, and a later training is not affected.
        """
        evaluation = self.evaluation if evaluation is None else evaluation
        return evaluated(evaluation, self.strategy, self.data if data is None else data, self.seed)

    def test(self) -> EvaluationResult:
        """The same, and always the ELBO of all test points and its terms, because runs are compared by it."""
        result = self.evaluate()
        whole = self.evaluation.num_points(self.data) == len(self.data.test)
        if whole and f"{self.strategy.bound.metric(ELBO).name}/test" in result.metrics:
            return result
        bound = self.evaluate(BoundEvaluation(split="test", num_samples=1))
        # A figure of some points must not stand beside the standard error of others.
        replaced = set() if whole else {*bound.metrics, *map(error_of, bound.metrics)}
        own = {tag: value for tag, value in result.metrics.items() if tag not in replaced}
        return result._replace(metrics={**bound.metrics, **own}, declared={**result.declared, **bound.declared})

    def told_points(self, record: Mapping[str, float]) -> str:
        """Which test figures are of all points and which of some, where a record has both; empty where it has not."""
        some, every = self.evaluation.num_points(self.data), len(self.data.test)
        terms = [self.strategy.bound.metric(metric).name for metric in (ELBO, LOG_LIKELIHOOD, KL)]
        others = {tag for tag in record if tag.endswith("/test") and not is_error(tag)} - {f"{n}/test" for n in terms}
        if some == every or not others:
            return ""
        return (
            f"{', '.join(terms[:-1])} and {terms[-1]} are means over all {counted(every, 'test point')}, the other "
            f"figures over {some:,}: they cannot be subtracted from each other."
        )


def refuse_single(watchers: Any, trackers: Any) -> None:
    """Refuses a watcher or a tracker that is not in a list.

    Raises:
        UserError: which argument.
    """
    for name, given in (("watchers", watchers), ("trackers", trackers)):
        if not isinstance(given, Sequence) or isinstance(given, str):
            raise UserError(f"{name} must be a list, also of a single object, got {given!r}: write {name}=[…].")


def refuse_to_read(path: Path | str) -> Dataset:
    """Refuses a file: an experiment made by hand has no source that could read it.

    Raises:
        UserError: always.
    """
    raise UserError(
        f"{path} cannot be read, because an experiment made by hand has no data source: give the points as a tensor, "
        "as in run.elbo(x)."
    )


def present_machine(data: Dataset) -> Machine:
    """The present settings of torch, the device of the data, and the faster library for matrix products."""
    with settings_kept():
        return Execution(device=str(data.train.x.device), threads=torch.get_num_threads()).prepare(1)


def log_results(record: Mapping[str, float]) -> None:
    """Logs the results of the test, one line each."""
    for tag, value in record.items():
        if tag not in POSITION:
            logger.info("%-22s %9.3f", tag, value)

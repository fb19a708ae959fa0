"""An experiment: data, strategy, trainer and evaluation, and the whole life of its run."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, final

import torch

from vaerun.data.base import Dataset
from vaerun.errors import Interrupted
from vaerun.evaluation.base import Evaluation, EvaluationResult
from vaerun.evaluation.bound import BoundEvaluation
from vaerun.execution.execution import Execution, Machine
from vaerun.execution.random_state import isolated
from vaerun.experiment.directory import RunDirectory, checkpoint_path, write_summary
from vaerun.experiment.observers import Observers
from vaerun.experiment.summary import outcome, reason, summarise, unfinished
from vaerun.strategy.base import Strategy
from vaerun.tracking.base import POSITION
from vaerun.trainer import checkpoint
from vaerun.trainer.checkpoint_writer import CheckpointWriter
from vaerun.trainer.stop_request import StopRequest, defer_signals
from vaerun.trainer.trainer import Trainer
from vaerun.trainer.training import Training
from vaerun.trainer.watcher import Watcher

logger = logging.getLogger("vaerun")


@final
class Experiment:
    """Data, strategy (with its bound), trainer and evaluation of one run.

    ``vaerun.experiment.build.build`` makes one from a configuration; by hand it is made of objects:

        experiment = Experiment(data=data, strategy=strategy, trainer=Trainer(epochs=10))
        experiment.fit("runs/mine")

    Args:
        data: the three splits, on the device of the strategy.
        strategy: what is trained.
        trainer: the loop.
        evaluation: what is measured at the end; the ELBO and L_100 of the test points where nothing is given.
        seed: of the order of the data and of the evaluations' draws; weights are drawn before, by whoever makes them.
        machine: device, threads and matrix products, for the record; what torch has set up where nothing is given.
        config: what the objects were made from; empty for an experiment made by hand.
        watchers: further watchers of the training.
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
    ) -> None:
        self.data, self.strategy, self.trainer, self.seed = data, strategy, trainer, seed
        self.evaluation = BoundEvaluation() if evaluation is None else evaluation
        self.machine = present_machine(data) if machine is None else machine
        self.config, self.watchers = dict(config or {}), watchers

    @property
    def device(self) -> torch.device:
        """Where the data and the strategy are."""
        return self.data.train.x.device

    @property
    def batch_size(self) -> int:
        """B, at most the number of training points."""
        return min(self.trainer.batch_size, len(self.data.train))

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch."""
        return len(self.data.train) // self.batch_size

    def fit(self, directory: RunDirectory | Path | str, *, live: bool = True) -> dict[str, Any]:
        """The whole life of a run: trains, or resumes, tests the best state and leaves a summary; returns it.

        Args:
            directory: the run directory, or its path; a run that was interrupted there is resumed, and nothing is done
                if it is finished.
            live: whether to draw a status line on a terminal; False for one of several runs.

        Raises:
            UserError: the directory is in use or holds another run.
            RunError: the run failed or diverged; the summary says why.
            Interrupted: a signal came; the state is saved.
        """
        if not isinstance(directory, RunDirectory):
            with RunDirectory(directory, self.config or None) as claimed:
                return self.fit(claimed, live=live)
        if directory.is_finished:
            return directory.finished()
        write_summary(directory.path, {"status": "running", "reason": None, "seed": self.seed})
        try:
            with defer_signals() as stop:
                summary = self._train(directory, stop, live=live)
        except BaseException as error:
            write_summary(directory.path, unfinished(error, directory.path, seed=self.seed, experiment=self))
            raise interrupted(error, directory.path) from None
        write_summary(directory.path, summary)
        return summary

    def _train(self, directory: RunDirectory, stop: StopRequest, *, live: bool) -> dict[str, Any]:
        """Trains, restores the best state, tests it; returns the summary of the completed run."""
        resume = directory.checkpoints if checkpoint_path(directory.path, "last").exists() else None
        observers = Observers(self, directory.path, resume, live=live)
        writer = CheckpointWriter(directory.checkpoints, self.trainer.checkpoints)
        try:
            training = self.trainer.fit(
                self.strategy,
                self.data,
                seed=self.seed,
                evaluation=self.evaluation,
                watchers=(*observers.watchers, writer, stop, *self.watchers),
                resume=resume,
            )
            self.restore(directory.path)
            training.record(lambda: observers.conclude(self.test()))
        except BaseException as error:
            observers.close(outcome(error), reason(error))
            raise
        records = observers.close("completed")
        log_results(training, records[-1])
        return summarise(self, training.progress, records)

    def restore(self, directory: Path, name: str = "best") -> int:
        """Sets the strategy to a checkpoint of a run directory, ``best`` or ``last``; returns its step.

        Raises:
            UserError: there is none, or it belongs to another configuration or other data.
        """
        state = checkpoint.load(checkpoint_path(directory, name), self.device)
        checkpoint.restore_tensors(state, self.strategy, self.data)
        return int(state["progress"]["step"])

    def evaluate(self, evaluation: Evaluation | None = None) -> EvaluationResult:
        """The result of an evaluation, the experiment's own where none is given, at the weights in force.

        Its draws depend on the seed alone, and training continues as if there had been none.
        """
        evaluation = self.evaluation if evaluation is None else evaluation
        training = self.strategy.training
        self.strategy.eval()
        with isolated(self.seed, self.device):
            result = evaluation(self.strategy, self.data)
        self.strategy.train(training)
        return result._replace(num_points=evaluation.num_points(self.data))

    def test(self) -> EvaluationResult:
        """The same with the ELBO of all test points, whatever the evaluation is: runs are compared by it."""
        result = self.evaluate()
        name = "elbo" if self.strategy.bound.model.is_density else "pseudo_elbo"
        if f"{name}/test" in result.metrics and self.evaluation.num_points(self.data) == len(self.data.test):
            return result
        bound = self.evaluate(BoundEvaluation(split="test", num_samples=1))
        return result._replace(metrics={**result.metrics, **bound.metrics})


def present_machine(data: Dataset) -> Machine:
    """What torch has set up, and the device of the data."""
    return Execution(device=str(data.train.x.device), threads=torch.get_num_threads()).prepare(1)


def interrupted(error: BaseException, directory: Path) -> BaseException:
    """The error; of an interruption, one that says how to resume."""
    if isinstance(error, KeyboardInterrupt):
        return Interrupted(f"{error or 'interrupted'}; resume with: vaerun train resume={directory}")
    return error


def log_results(training: Training, record: Mapping[str, float]) -> None:
    """The results of the test, one line each."""
    for tag, value in record.items():
        if tag not in POSITION:
            logger.info("%-22s %9.3f", tag, value)

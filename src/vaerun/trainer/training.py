"""The state of one training: counts, records, validation, and its watchers."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from vaerun.bound.monte_carlo import ELBO
from vaerun.data.base import Dataset
from vaerun.errors import DivergedError, Interrupted
from vaerun.evaluation.base import EvaluationResult
from vaerun.execution import parallel
from vaerun.metric.metric import Metric
from vaerun.notation import Estimate
from vaerun.schedule.base import Schedule
from vaerun.schedule.constant import Constant
from vaerun.strategy.base import Strategy
from vaerun.trainer import checkpoint
from vaerun.trainer.agreement import Agreement
from vaerun.trainer.checkpoint import Progress
from vaerun.trainer.metrics import declared
from vaerun.trainer.resume_point import ResumePoint
from vaerun.trainer.running_means import RunningMeans
from vaerun.trainer.validation import Validation
from vaerun.trainer.watcher import Watcher


class Record(NamedTuple):
    """The metrics and images that are recorded at one step of a training."""

    position: dict[str, float]  # step, epoch, and the cost so far
    metrics: dict[str, float]  # by tag ``quantity/split``
    pictures: Mapping[str, np.ndarray]  # by tag, uint8 [H, W] or [H, W, 3]
    declared: Mapping[str, Metric]  # by quantity: the metrics of all records so far


def schedules_of(strategy: Strategy) -> dict[str, Schedule]:
    """The schedules of a strategy and its parts without constants, by the last word of their name.

    Where two have the same last word, as in parts of a user, the second has its whole name.
    """
    found: dict[str, Schedule] = {}
    for name, module in strategy.named_modules():
        if isinstance(module, Schedule) and not isinstance(module, Constant):
            last = name.rpartition(".")[2]
            found[name if last in found else last] = module
    return found


class Training:
    """One training, from its first step or from a checkpoint.

    Args:
        strategy: the strategy to train, on the device of ``data``.
        data: the three splits.
        validation: how validation points are evaluated.
        seed: of the random numbers of evaluations.
        steps_per_epoch: number of steps in an epoch.
        watchers: they are called in this order.

    Attributes:
        validation_interval: epochs between two validations.
        progress: steps and seconds so far, and the best validation bound.
        resumed: whether an earlier process made the first steps.
        declared: the recorded metrics by quantity.
    """

    def __init__(
        self,
        strategy: Strategy,
        data: Dataset,
        *,
        validation: Validation,
        seed: int,
        steps_per_epoch: int,
        watchers: Sequence[Watcher] = (),
    ) -> None:
        self.strategy, self.data, self.validation = strategy, data, validation
        self.seed, self.steps_per_epoch, self.watchers = seed, steps_per_epoch, tuple(watchers)
        self.validation_interval = validation.interval(strategy, steps_per_epoch)
        self.progress, self.means, self.resumed = Progress(), RunningMeans(), False
        strategy.decoder_evaluations = strategy.encoder_evaluations = 0  # as steps and seconds: of this training
        self.device = data.train.x.device
        self.schedules = schedules_of(strategy)
        for schedule in self.schedules.values():
            schedule.begin()
        self.bound = strategy.bound.metric(ELBO).name
        self.declared = declared(strategy, self.schedules)
        self.last_record = 0
        self.stop_reason: str | None = None
        self.finish_reason: str | None = None
        self.clock, self.compiled = time.perf_counter(), strategy.bound.engine.compile_seconds
        self.agreement = Agreement(self)

    def resume(self, point: ResumePoint) -> None:
        """Continues from a state of an earlier process.

        Raises:
            UserError: it belongs to another configuration or to other data.
        """
        checkpoint.restore(point.state, strategy=self.strategy, means=self.means, data=self.data, seed=self.seed)
        self.progress = replace(point.progress)
        self.agreement = Agreement(self)
        self.last_record, self.resumed = self.progress.step, True

    @property
    def step_in_epoch(self) -> int:
        """Steps since the last epoch ended."""
        return self.progress.step % self.steps_per_epoch

    @property
    def at_epoch_end(self) -> bool:
        """Whether the step that was just made is the last of its epoch."""
        return self.step_in_epoch == 0

    def tell(self, event: Callable[[Watcher], None]) -> None:
        """Calls every watcher; their time does not count as training time."""
        for watcher in self.watchers:
            event(watcher)
        self.tick(training=False)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Calls ``on_start`` of the watchers, and ``on_end`` in any case, also after an error."""
        try:
            self.tell(lambda watcher: watcher.on_start(self))
            yield
        finally:
            self.tell(lambda watcher: watcher.on_end(self))

    def anneal(self) -> None:
        """Sets every scheduled scalar to its value for the next step."""
        for schedule in self.schedules.values():
            schedule.advance(self.progress.step / self.steps_per_epoch)
        self.strategy.follow_schedule()

    def take(self, estimate: Estimate) -> None:
        """Counts one step of the strategy."""
        self.means.add(estimate)
        self.progress.step += 1
        self.strategy.average_weights(self.progress.step)
        self.agreement.update()

    def finish_step(self) -> None:
        """Calls ``on_step`` of the watchers, and stops the training if one of them requested it.

        Raises:
            Interrupted: a stop was requested.
        """
        for watcher in self.watchers:
            watcher.on_step(self)
        if self.agreement.stops():
            self.tick(training=True)
            self.tell(lambda watcher: watcher.on_stop(self))
            raise Interrupted(f"{self.stop_reason} at step {self.progress.step}")

    def finish(self, reason: str) -> None:
        """Ends the training after the next step, as if the budget were used up: the run is then tested as usual."""
        self.finish_reason = reason

    def request_stop(self, reason: str) -> None:
        """Interrupts the training after the current step; the state is saved, and the run can be resumed."""
        self.stop_reason = reason

    def tick(self, *, training: bool) -> None:
        """Counts the time since the last call as training time, or not; compiling is counted apart."""
        now, compiled = time.perf_counter(), self.strategy.bound.engine.compile_seconds
        compiling = compiled - self.compiled
        self.progress.seconds += now - self.clock
        self.progress.compile_seconds += compiling
        self.progress.train_seconds += now - self.clock - compiling if training else 0.0
        self.clock, self.compiled = now, compiled

    def training_seconds(self) -> float:
        """Seconds spent on training steps until now, without compiling."""
        return self.agreement.training_seconds()

    def own_seconds(self) -> float:
        """The same by this process."""
        compiling = self.strategy.bound.engine.compile_seconds - self.compiled
        return self.progress.train_seconds + time.perf_counter() - self.clock - compiling

    def record(self, *evaluations: Callable[[], EvaluationResult]) -> dict[str, float]:
        """Records the means since the last record and the results of ``evaluations``; returns the metrics.

        Raises:
            DivergedError: a value is not finite.
        """
        metrics = self.training_metrics()
        pictures: dict[str, np.ndarray] = {}
        self.tick(training=True)
        for evaluate in evaluations:
            result = evaluate()
            metrics |= result.metrics
            pictures |= result.pictures
            self.declared |= result.declared
        metrics = parallel.of_first(metrics)  # so that every process takes the same decisions, whatever its rounding
        self.tick(training=False)
        record = Record(self.position(), metrics, pictures, self.declared)
        self.progress.count(record.position | record.metrics)
        for watcher in self.watchers:
            watcher.on_record(self, record)
        for tag, value in metrics.items():
            if not math.isfinite(value):
                first, last = self.last_record + 1, self.progress.step
                when = f"at step {last}" if first == last else f"between steps {first} and {last}"
                raise DivergedError(f"{tag} became {value} {when}", last)
        self.last_record = self.progress.step
        return metrics

    def position(self) -> dict[str, float]:
        """Step, epoch and cost so far; every record contains them."""
        return {
            "step": self.progress.step,
            "epoch": self.progress.step / self.steps_per_epoch,
            "seconds": self.progress.seconds,
            "train_seconds": self.progress.train_seconds,
            "compile_seconds": self.progress.compile_seconds,
            "decoder_evaluations": self.strategy.decoder_evaluations,
            "encoder_evaluations": self.strategy.encoder_evaluations,
        }

    def training_metrics(self) -> dict[str, float]:
        """Means over the steps since the last record, by tag; empty without steps. Waits for the device."""
        if not self.means.steps:
            return {}
        means = self.means.means()
        objective = means.pop("objective")
        metrics = {f"{self.bound}/train": means["log_likelihood"] - means["kl"]}
        if not self.strategy.bound.objective.is_elbo:
            metrics["objective/train"] = objective
        metrics |= {name if "/" in name else f"{name}/train": mean for name, mean in means.items()}
        metrics |= {f"gradient_norm/{name}": float(norm) for name, norm in self.strategy.gradient_norms().items()}
        metrics |= {f"{metric.name}/train": float(value) for metric, value in self.strategy.optimizer_metrics().items()}
        metrics |= {f"{name}/train": float(schedule()) for name, schedule in self.schedules.items()}
        return metrics

    def validate(self, *others: Callable[[], EvaluationResult]) -> None:
        """Records with the validation bound and the results of ``others``."""
        epoch = self.progress.step // self.steps_per_epoch
        due = self.at_epoch_end and epoch % self.validation_interval == 0
        metrics = self.record(
            lambda: self.validation(self.strategy, self.data, self.seed, self.progress.step, stores=due), *others
        )
        improved = metrics[f"{self.bound}/valid"] > self.progress.best
        if improved:
            self.progress.best = metrics[f"{self.bound}/valid"]
            self.progress.best_step = self.progress.step
        for schedule in self.schedules.values():
            schedule.validated(metrics[f"{self.bound}/valid"])
        self.tell(lambda watcher: watcher.on_validation(self, improved=improved))

"""fit → step → bound: the training loop."""

from collections.abc import Callable, Sequence
from typing import final

from vaerun.config.ranges import at_least
from vaerun.data.base import Dataset
from vaerun.data.loader import Loader
from vaerun.evaluation.base import Evaluation, EvaluationResult, evaluated
from vaerun.execution.memory import keep_freed_memory
from vaerun.execution.tiny_numbers import tiny_numbers_are_zero
from vaerun.strategy.base import Strategy
from vaerun.trainer.budget import Budget
from vaerun.trainer.checkpoints import Checkpoints
from vaerun.trainer.patience import Patience
from vaerun.trainer.records import Records
from vaerun.trainer.resume_point import ResumePoint
from vaerun.trainer.training import Training
from vaerun.trainer.validation import Validation
from vaerun.trainer.watcher import Watcher


@final
class Trainer:
    """The training loop: calls ``strategy.step`` for each batch, validates, and records.

    Args:
        epochs: passes over the training points, 1 or more.
        batch_size: B, 1 or more; a split with fewer points is one batch.
        max_seconds: training ends when its steps have taken so many seconds, without compiling; null for no limit.
        max_decoder_evaluations: training ends after so many decoder evaluations; null for no limit.
        patience: training ends after so many validations in a row without a new best bound, counted after the KL
            warm-up; null for no early stopping.
        validation: when and how the validation points are evaluated.
        records: when records and images are made.
        checkpoints: when the state is saved.

    Raises:
        UserError: a number is out of range.
    """

    def __init__(
        self,
        *,
        epochs: int = 100,
        batch_size: int = 100,
        max_seconds: float | None = None,
        max_decoder_evaluations: int | None = None,
        patience: int | None = None,
        validation: Validation | None = None,
        records: Records | None = None,
        checkpoints: Checkpoints | None = None,
    ) -> None:
        at_least("trainer.batch_size", batch_size, 1)
        self.budget = Budget(epochs=epochs, max_seconds=max_seconds, max_decoder_evaluations=max_decoder_evaluations)
        self.patience = Patience(validations=patience)
        self.batch_size = batch_size
        self.validation = Validation() if validation is None else validation
        self.records = Records() if records is None else records
        self.checkpoints = Checkpoints() if checkpoints is None else checkpoints

    def fit(
        self,
        strategy: Strategy,
        data: Dataset,
        *,
        seed: int = 0,
        evaluation: Evaluation | None = None,
        watchers: Sequence[Watcher] = (),
        resume: ResumePoint | None = None,
    ) -> Training:
        """Trains until the budget is used up. Afterwards the strategy has the weights of the last step.

        Args:
            strategy: the strategy to train, on the device of ``data``.
            data: the three splits.
            seed: of the order of the data, and of the random numbers of evaluations.
            evaluation: the evaluation that is computed every ``validation.evaluation_every`` epochs.
            watchers: they are called at steps, records and validations, in this order.
            resume: the state of an earlier process to continue from.

        Raises:
            DivergedError: a value is not finite.
            Interrupted: a watcher asked to stop.
        """
        # A run that was opened from these objects has left them in evaluation mode: without the KL weight, and with
        # running averages and control variates that learn nothing.
        strategy.train()
        loader = Loader(data.train, batch_size=self.batch_size, seed=seed, own=True)
        training = Training(
            strategy,
            data,
            validation=self.validation,
            seed=seed,
            steps_per_epoch=loader.steps_per_epoch,
            watchers=watchers,
        )
        if resume is not None:
            training.resume(resume)
        with training.watched(), tiny_numbers_are_zero():
            keep_freed_memory()
            # Only a validated state can be tested, so that at least one step is made before there is one.
            over = training.progress.best_step > 0 and (self.budget.spent(training) or self.stops_early(training))
            while not over:
                for batch in loader.epoch(*divmod(training.progress.step, loader.steps_per_epoch)):
                    training.anneal()
                    training.take(strategy.step(batch))
                    over = self.budget.used_up(training)
                    if training.at_epoch_end or over:
                        over = self.finish_epoch(training, evaluation, over=over)
                    elif training.step_in_epoch % self.records.every == 0:
                        training.record()
                    training.finish_step()
                    if over:
                        break
        return training

    def finish_epoch(self, training: Training, evaluation: Evaluation | None, *, over: bool) -> bool:
        """Records the epoch; validates and evaluates when due. Returns whether the training is over.

        The end of training always validates.
        """
        epoch = training.progress.step // training.steps_per_epoch
        every = self.validation.evaluation_every
        if over or epoch % training.validation_interval == 0:
            due = every is not None and training.at_epoch_end and epoch % every == 0
            training.validate(*([evaluator(evaluation, training)] if due and evaluation is not None else []))
            over = over or self.stops_early(training)
        else:
            training.record()
        training.tell(lambda watcher: watcher.on_epoch_end(training, last=over))
        return over

    def stops_early(self, training: Training) -> bool:
        """Whether the validation bound no longer rises; the training then has its reason to finish."""
        if not self.patience.used_up(training):
            return False
        training.finish(self.patience.reason(training))
        return True


def evaluator(evaluation: Evaluation, training: Training) -> Callable[[], EvaluationResult]:
    """The evaluation at the present weights; its random numbers depend only on the seed."""

    def evaluate() -> EvaluationResult:
        return evaluated(evaluation, training.strategy, training.data, training.seed)

    return evaluate

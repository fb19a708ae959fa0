"""fit → step → bound: the training loop."""

import time
from collections.abc import Callable
from pathlib import Path

from vaerun.chunk import keep_freed_memory
from vaerun.data.base import Dataset
from vaerun.data.loader import Loader
from vaerun.errors import Interrupted, UserError
from vaerun.evaluation.base import Findings
from vaerun.evaluation.bound import BoundEvaluation
from vaerun.strategy.base import Strategy
from vaerun.tracking.base import Tracker
from vaerun.trainer import checkpoint
from vaerun.trainer.checkpoint import Progress
from vaerun.trainer.interrupt import Interruption
from vaerun.trainer.session import Pictures, Session


class Trainer:
    """Repeats ``strategy.step`` over the data, and records, evaluates and saves on the way.

    Args:
        epochs: passes over the training points.
        batch_size: B; a split smaller than that is one batch.
        device: auto, cpu or cuda.
        threads: of the CPU; null chooses by the size of a step.
        products: the library that multiplies matrices on a CPU: auto, mkl or onednn; both in float32.
        compile: trace the steps of training, with their gradients and Adam's part, and those of local solvers, and
            compile each into one program; worth its seconds of compiling in runs of minutes.
        cuda_graphs: record what these programs launch on a CUDA device, and replay it; alone or with ``compile``.
        precision: in which these programs multiply: float32, tf32 (on CUDA) or bfloat16. Weights and every evaluation
            stay in float32; with the other two, the bound recorded of training is that of a model with rounded layers.
        deterministic: ask torch for algorithms that repeat to the bit.
        log_every: steps between two records of one epoch; its end is always one.
        evaluate_every: epochs between two evaluations on the validation points.
        evaluation_every: epochs between two of the run's evaluations during training, a multiple of ``evaluate_every``;
            null for the end only.
        validation_samples: samples of z per validation point.
        validation_points: how many of them, evenly spread; null for all. Under a per-point strategy each costs a solve.
        images_every: evaluations between two sets of pictures; 0 for none.
        checkpoint_seconds: how old the last checkpoint may become before the end of an epoch writes another.
        max_seconds: end the training when its steps have taken this long; null for no such limit.
        max_decoder_evaluations: end the training when its steps have decoded this often; null for no such limit.

    Raises:
        UserError: a number is out of its range.
    """

    def __init__(
        self,
        *,
        epochs: int = 100,
        batch_size: int = 100,
        device: str = "auto",
        threads: int | None = None,
        products: str = "auto",
        compile: bool = False,
        cuda_graphs: bool = False,
        precision: str = "float32",
        deterministic: bool = False,
        log_every: int = 100,
        evaluate_every: int = 1,
        evaluation_every: int | None = None,
        validation_samples: int = 1,
        validation_points: int | None = 1000,
        images_every: int = 10,
        checkpoint_seconds: float = 10.0,
        max_seconds: float | None = None,
        max_decoder_evaluations: int | None = None,
    ) -> None:
        for name, number, least in (
            ("epochs", epochs, 1),
            ("batch_size", batch_size, 1),
            ("log_every", log_every, 1),
            ("evaluate_every", evaluate_every, 1),
            ("validation_samples", validation_samples, 1),
            ("images_every", images_every, 0),
        ):
            if number < least:
                raise UserError(f"trainer.{name}={number} is too small: give {least} or more.")
        if evaluation_every is not None and (evaluation_every < 1 or evaluation_every % evaluate_every):
            raise UserError(
                f"trainer.evaluation_every={evaluation_every} must be a multiple of trainer.evaluate_every="
                f"{evaluate_every}, since both go into one record: give {evaluate_every} or a multiple of it, or null."
            )
        for name, limit in (("max_seconds", max_seconds), ("max_decoder_evaluations", max_decoder_evaluations)):
            if limit is not None and not limit > 0:
                raise UserError(f"trainer.{name}={limit} leaves no training: give more than 0, or null for no limit.")
        if not checkpoint_seconds >= 0:
            raise UserError(f"trainer.checkpoint_seconds={checkpoint_seconds} is no time: give 0 or more.")
        self.epochs, self.batch_size, self.device = epochs, batch_size, device
        self.threads, self.products = threads, products
        self.compile, self.cuda_graphs, self.precision = compile, cuda_graphs, precision
        self.deterministic = deterministic
        self.log_every, self.evaluate_every, self.images_every = log_every, evaluate_every, images_every
        self.evaluation_every = evaluation_every
        self.validation = BoundEvaluation(split="valid", num_samples=validation_samples, points=validation_points)
        self.checkpoint_seconds = checkpoint_seconds
        self.max_seconds, self.max_decoder_evaluations = max_seconds, max_decoder_evaluations

    def fit(
        self,
        strategy: Strategy,
        data: Dataset,
        *,
        seed: int,
        tracker: Tracker,
        pictures: Pictures,
        on_step: Callable[[int], None],
        directory: Path,
        resume: bool,
        wish: Interruption,
        evaluate: Callable[[], Findings],
        test: Callable[[], Findings],
    ) -> Progress:
        """Trains to the last epoch, sets ``strategy`` to the weights and rows of ``best.pt``, and records its test.

        Args:
            strategy: what is trained, on the device of ``data``.
            data: the three splits.
            seed: of the order of the data and of evaluation's draws.
            tracker: takes the records.
            pictures: called with the step at every ``images_every``-th evaluation and at the end.
            on_step: called with the step after every step; must be cheap.
            directory: ``last.pt`` and ``best.pt`` are written here.
            resume: go on from ``last.pt``.
            wish: whether somebody asked the run to stop.
            evaluate: the run's evaluation of ``strategy`` as it is, called every ``evaluation_every`` epochs.
            test: the same at the end.

        Raises:
            DivergedError: a quantity is not finite; the last good checkpoint stays.
            Interrupted: a signal came; the state was saved.
        """
        loader = Loader(data.train, batch_size=self.batch_size, seed=seed)
        session = Session(strategy, data, self.validation, seed, tracker, pictures, directory, loader.steps_per_epoch)
        session.start(resume=resume)
        keep_freed_memory()
        over = self.over(session)
        with wish.heed(), session.keeper:
            while not over:
                for batch in loader.epoch(*divmod(session.progress.step, loader.steps_per_epoch)):
                    session.anneal()
                    session.take(strategy.step(batch))
                    on_step(session.progress.step)
                    over = self.over(session)
                    if session.at_epoch_end or over:
                        self.finish_epoch(session, evaluate, over=over)
                    elif session.step_in_epoch % self.log_every == 0:
                        session.record()
                    if wish.requested:
                        session.tick(training=True)
                        session.save("last")
                        raise Interrupted(f"interrupted at step {session.progress.step}")
                    if over:
                        break
        best = checkpoint.load(directory / "best.pt", session.device)
        checkpoint.restore_tensors(best, strategy, data)
        session.record(test)
        return session.progress

    def over(self, session: Session) -> bool:
        """Whether the last epoch is done, or a limit on the cost is reached."""
        seconds, evaluations = self.max_seconds, self.max_decoder_evaluations
        return (
            session.progress.step >= self.epochs * session.steps_per_epoch
            or (seconds is not None and session.training_seconds() >= seconds)
            or (evaluations is not None and session.strategy.decoder_evaluations >= evaluations)
        )

    def finish_epoch(self, session: Session, evaluate: Callable[[], Findings], *, over: bool) -> None:
        """Records, and evaluates, draws and saves where it is due; all of it when training is over."""
        epoch = session.progress.step // session.steps_per_epoch
        evaluations, remainder = divmod(epoch, self.evaluate_every)
        if over or remainder == 0:
            due = self.evaluation_every is not None and session.at_epoch_end and epoch % self.evaluation_every == 0
            session.evaluate(*([evaluate] if due else []))
        else:
            session.record()
        if self.images_every and (over or (remainder == 0 and evaluations % self.images_every == 0)):
            session.draw()
        if over or time.perf_counter() - session.saved_at >= self.checkpoint_seconds:
            session.save("last")

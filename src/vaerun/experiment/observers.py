"""The watchers that every run has: records, images, and the console."""

import logging
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from omegaconf import OmegaConf

from vaerun.bound.monte_carlo import ELBO
from vaerun.evaluation.base import EvaluationResult, evaluating
from vaerun.experiment.columns import table_of
from vaerun.experiment.make import make
from vaerun.experiment.summary import described, environment, hyperparameters, intact_records, newest
from vaerun.image.embedding import embed
from vaerun.image.images import Images
from vaerun.metric.metric import Metric
from vaerun.tracking import page
from vaerun.tracking.base import Tracker
from vaerun.tracking.best_effort import BestEffort
from vaerun.tracking.console import Console
from vaerun.tracking.fanout import Fanout
from vaerun.tracking.jsonl import Jsonl, truncate
from vaerun.trainer.checkpoint import Progress
from vaerun.trainer.resume_point import ResumePoint
from vaerun.trainer.training import Record, Training
from vaerun.trainer.watcher import Watcher

if TYPE_CHECKING:
    from vaerun.experiment.experiment import Experiment

LATENTS = 10  # rows of a traversal, at most
PAIRS = 8  # rows of an interpolation

TENSORBOARD = {"tensorboard": {"_target_": "vaerun.tracking.tensorboard.TensorBoard"}}
"""The trackers of an experiment without a configuration, and of runs that were made before trackers were a choice."""

logger = logging.getLogger("vaerun")


class Recorder(Watcher):
    """Passes records on to a tracker.

    Args:
        tracker: takes them.
        declared: the recorded metrics by quantity; metrics that a record declares are added.
    """

    def __init__(self, tracker: Tracker, declared: dict[str, Metric]) -> None:
        self.tracker, self.declared = tracker, declared

    def on_record(self, training: Training, record: Record) -> None:
        self.declared |= record.declared
        self.tracker.declare(record.declared)
        for name, picture in record.pictures.items():
            self.tracker.images(training.progress.step, name, picture)
        self.tracker.scalars(training.progress.step, {**record.position, **record.metrics})


class StatusUpdater(Watcher):
    """Keeps the console's status line up to date.

    Args:
        console: shows the status line.
    """

    def __init__(self, console: Console) -> None:
        self.console = console

    def on_step(self, training: Training) -> None:
        self.console.step(training.progress.step)


class ImageWriter(Watcher):
    """Records prior samples and reconstructions, after every ``every`` validations and at the end.

    Args:
        images: computes the images.
        tracker: takes them.
        every: validations between two sets of images.
        validation_every: epochs between two validations.
    """

    def __init__(self, images: Images, tracker: Tracker, *, every: int, validation_every: int) -> None:
        self.images, self.tracker, self.every, self.validation_every = images, tracker, every, validation_every

    def on_epoch_end(self, training: Training, *, last: bool) -> None:
        validations, remainder = divmod(training.progress.step // training.steps_per_epoch, self.validation_every)
        if self.every and self.images.drawable() and (last or (remainder == 0 and validations % self.every == 0)):
            step = training.progress.step
            with evaluating(training.strategy, training.seed, training.device), torch.no_grad():
                self.tracker.images(step, "samples/prior", self.images.prior_image(64))
                self.tracker.images(step, "reconstructions/valid", self.images.reconstruction_image(32))


class Observers:
    """The trackers of a run, and the watchers that pass records and images to them.

    Args:
        experiment: the experiment.
        directory: the run directory.
        resume: the state that the run continues from, or None.
        live: whether to show a status line.
        needs: of memory and disk, in words.
    """

    def __init__(
        self, experiment: "Experiment", directory: Path, resume: ResumePoint | None, *, live: bool, needs: str
    ) -> None:
        self.experiment, self.directory, self.closed = experiment, directory, False
        progress = Progress(step=-1) if resume is None else resume.progress
        truncate(
            directory / "metrics.jsonl",
            step=progress.step,
            count=progress.records,
            expected=expected_steps(experiment, progress),
            checksum=progress.records_checksum,
        )
        bound = experiment.strategy.bound.metric(ELBO).name
        console = Console(
            epochs=experiment.trainer.budget.epochs,
            steps_per_epoch=experiment.steps_per_epoch,
            batch_size=experiment.batch_size,
            live=live,
            headline=(f"{bound}/train", f"{bound}/valid"),
        )
        chosen = chosen_trackers(experiment, directory, progress.step)
        self.tracker = Fanout([Jsonl(directory / "metrics.jsonl"), *chosen, BestEffort("the console", lambda: console)])
        self.images = Images(experiment.strategy, experiment.data)
        images = ImageWriter(
            self.images,
            self.tracker,
            every=experiment.trainer.records.images_every,
            validation_every=experiment.trainer.validation.interval(experiment.strategy, experiment.steps_per_epoch),
        )
        recorder = Recorder(self.tracker, experiment.declared)
        self.watchers: tuple[Watcher, ...] = (recorder, StatusUpdater(console), images)
        self.describe(progress.step, needs)

    def describe(self, resumed_at: int, needs: str) -> None:
        """Logs the data, parameters and device before training, and records the configuration and environment."""
        experiment = self.experiment
        self.tracker.text("environment", page.environment(environment(experiment)))
        config = OmegaConf.to_yaml(OmegaConf.create(experiment.config))
        self.tracker.text("config", page.code_block(config, "yaml"))
        self.tracker.hparams(hyperparameters(experiment.config))
        logger.info("%-10s %s", "run", self.directory)
        for name, words in described(experiment).items():
            logger.info("%-10s %s", name, words)
            for line in table_of(experiment.data) if name == "values" else ():
                logger.info("           %s", line)
        logger.info("%-10s %s", "memory", needs)
        for remark in experiment.remarks:
            logger.warning(remark)
        if resumed_at >= 0:
            logger.info("resumed from step %d", resumed_at)

    def conclude(self, result: EvaluationResult) -> EvaluationResult:
        """Records the test metrics, and images and an embedding of the best checkpoint."""
        experiment = self.experiment
        if not experiment.trainer.records.images_every:
            return result
        pictures = dict(result.pictures)
        with evaluating(experiment.strategy, experiment.seed, experiment.device), torch.no_grad():
            self.tracker.embedding(embed(experiment.strategy, experiment.data, self.images.style))
            if self.images.drawable():
                pictures["traversal/valid"] = self.images.traversal_image(LATENTS)
                pictures["interpolation/valid"] = self.images.interpolation_image(PAIRS)
        return result._replace(pictures=pictures)

    def close(self, status: str, why: str | None = None) -> list[dict[str, float]]:
        """Closes the trackers with the status of the run; returns its records."""
        records = intact_records(self.directory)
        if self.closed:
            return records
        self.closed = True
        try:
            if status != "interrupted":
                step = int(records[-1]["step"]) if records else 0
                results = page.results(status, why, newest(records), self.experiment.declared)
                self.tracker.text("results", results, step=step)
        finally:
            self.tracker.close(status)
        return records


def chosen_trackers(experiment: "Experiment", directory: Path, purge_after: int) -> Iterator[Tracker]:
    """The trackers of the configuration, and those that were made by hand. The training goes on if one fails.

    Raises:
        UserError: one cannot be made, because what it needs is missing.
    """
    facts = {"directory": directory, "purge_after": purge_after}
    for name, node in experiment.config.get("tracking", TENSORBOARD).items():
        yield BestEffort(f"tracking={name}", partial(make, node, facts, group=f"tracking/{name}"))
    for tracker in experiment.trackers:
        yield BestEffort(type(tracker).__name__, partial(_same, tracker))


def _same(tracker: Tracker) -> Tracker:
    return tracker


def expected_steps(experiment: "Experiment", progress: Progress) -> list[int]:
    """The steps up to ``progress`` at which the training has recorded."""
    of_epoch, every = experiment.steps_per_epoch, experiment.trainer.records.every
    within = [step for step in range(1, of_epoch + 1) if step == of_epoch or step % every == 0]
    epochs = range(progress.step // of_epoch + 1)
    steps = [epoch * of_epoch + step for epoch in epochs for step in within if epoch * of_epoch + step <= progress.step]
    # A limit on the cost may end the training within an epoch, with a record.
    return [*steps, progress.step] if len(steps) + 1 == progress.records else steps

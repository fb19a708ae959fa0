"""The moving parts of one training: what is counted, recorded, evaluated and saved around the steps."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch

from vaerun.data.base import Dataset
from vaerun.errors import DivergedError
from vaerun.evaluation.base import Evaluation, Findings
from vaerun.notation import Estimate
from vaerun.schedule.base import Schedule
from vaerun.schedule.constant import Constant
from vaerun.strategy.base import Strategy
from vaerun.tracking.base import Tracker
from vaerun.trainer import checkpoint
from vaerun.trainer.checkpoint import Progress
from vaerun.trainer.keeper import Keeper
from vaerun.trainer.meter import Meter
from vaerun.trainer.seed import isolated

Pictures = Callable[[int], None]  # step ↦ nothing: draws and sends what the model looks like by then


@dataclass
class Session:
    """One training, from its first step or its last checkpoint on.

    Args:
        strategy: what is trained, on the device of ``data``.
        data: the three splits.
        validation: the figures that ``best.pt`` is chosen by.
        seed: of evaluation's draws.
        tracker: takes the records.
        pictures: called with the step.
        directory: where ``last.pt`` and ``best.pt`` stand.
        steps_per_epoch: how many steps an epoch has.
    """

    strategy: Strategy
    data: Dataset
    validation: Evaluation
    seed: int
    tracker: Tracker
    pictures: Pictures
    directory: Path
    steps_per_epoch: int
    progress: Progress = field(default_factory=Progress)
    meter: Meter = field(default_factory=Meter)

    def __post_init__(self) -> None:
        self.device = self.data.train.x.device
        self.schedules: dict[str, Schedule] = {
            name.split(".")[-1]: module
            for name, module in self.strategy.named_modules()
            if isinstance(module, Schedule) and not isinstance(module, Constant)
        }
        self.bound_tag = "elbo" if self.strategy.bound.model.is_density else "pseudo_elbo"
        self.keeper = Keeper(self.directory)
        self.last_record = 0
        self.saved_at = self.clock = time.perf_counter()

    def start(self, *, resume: bool) -> None:
        """Goes on from ``last.pt``, or writes the first checkpoints: from here on there is one to go back to."""
        if resume:
            best = checkpoint.load(self.directory / "best.pt", self.device)["progress"]  # its tensors go at once
            state = checkpoint.load(self.directory / "last.pt", self.device)
            self.progress = checkpoint.restore(state, strategy=self.strategy, meter=self.meter, data=self.data)
            self.last_record = self.progress.step
            # best.pt may be from after last.pt, and is what will be tested unless something better comes.
            if best["best"] > self.progress.best:
                self.progress.best, self.progress.best_step = best["best"], best["best_step"]
        else:
            self.save("best")
            self.save("last")
        self.clock = time.perf_counter()

    @property
    def step_in_epoch(self) -> int:
        """Steps since the last epoch ended."""
        return self.progress.step % self.steps_per_epoch

    @property
    def at_epoch_end(self) -> bool:
        """Whether the last step was the last of its epoch."""
        return self.step_in_epoch == 0

    def anneal(self) -> None:
        """Moves every scheduled scalar to its value at this step."""
        for schedule in self.schedules.values():
            schedule.advance(self.progress.step / self.steps_per_epoch)

    def take(self, estimate: Estimate) -> None:
        """Counts one step."""
        self.meter.add(estimate)
        self.progress.step += 1

    def tick(self, *, training: bool) -> None:
        """Books the time since the last call as training or as something else."""
        now = time.perf_counter()
        self.progress.seconds += now - self.clock
        self.progress.train_seconds += now - self.clock if training else 0.0
        self.clock = now

    def training_seconds(self) -> float:
        """Seconds spent in training steps up to now."""
        return self.progress.train_seconds + time.perf_counter() - self.clock

    def record(self, *evaluations: Callable[[], Findings]) -> Mapping[str, float]:
        """Sends the means since the last record, and the figures that ``evaluations`` find, as one record.

        Raises:
            DivergedError: a figure is not finite.
        """
        figures = self.training_figures()
        self.tick(training=True)
        for evaluate in evaluations:
            findings = evaluate()
            figures |= findings.figures
            for name, picture in findings.pictures.items():
                self.tracker.images(self.progress.step, name, picture)
        self.tick(training=False)
        self.tracker.scalars(self.progress.step, {**self.position(), **figures})
        for tag, value in figures.items():
            if not math.isfinite(value):
                raise DivergedError(
                    f"{tag} became {value} between steps {self.last_record + 1} and {self.progress.step}"
                )
        self.last_record = self.progress.step
        return figures

    def position(self) -> dict[str, float]:
        """How far the training is and what that cost: what every record carries."""
        return {
            "step": self.progress.step,
            "epoch": self.progress.step / self.steps_per_epoch,
            "seconds": self.progress.seconds,
            "train_seconds": self.progress.train_seconds,
            "decoder_evaluations": self.strategy.decoder_evaluations,
            "encoder_evaluations": self.strategy.encoder_evaluations,
        }

    def training_figures(self) -> dict[str, float]:
        """The means of the steps since the last record, by tag, nothing if there was none; waits for the device."""
        if not self.meter.steps:
            return {}
        means = self.meter.means()
        objective = means.pop("objective")
        figures = {f"{self.bound_tag}/train": means["log_likelihood"] - means["kl"]}
        if not self.strategy.bound.objective.is_elbo:
            figures["objective/train"] = objective
        figures |= {name if "/" in name else f"{name}/train": mean for name, mean in means.items()}
        figures |= {f"gradient_norm/{name}": float(norm) for name, norm in self.strategy.gradient_norms().items()}
        figures |= {f"{name}/train": float(schedule()) for name, schedule in self.schedules.items()}
        return figures

    def validate(self) -> Findings:
        """The figures of the validation points, with the same draws at every call and none taken from training."""
        with isolated(self.seed, self.device):
            self.strategy.eval()
            findings = self.validation(self.strategy, self.data)
            self.strategy.train()
        return findings

    def evaluate(self, *others: Callable[[], Findings]) -> None:
        """Records with the validation figures and those of ``others``, and keeps the state if it is the best so far."""
        figures = self.record(self.validate, *others)
        if figures[f"{self.bound_tag}/valid"] > self.progress.best:
            self.progress.best = figures[f"{self.bound_tag}/valid"]
            self.progress.best_step = self.progress.step
            self.save("best")

    def draw(self) -> None:
        """Sends pictures."""
        with isolated(self.seed, self.device), torch.no_grad():
            self.strategy.eval()
            self.pictures(self.progress.step)
            self.strategy.train()
        self.tick(training=False)

    def save(self, name: str) -> None:
        """Keeps the state of this moment as ``last`` or ``best``."""
        state = checkpoint.capture(strategy=self.strategy, progress=self.progress, meter=self.meter, data=self.data)
        self.keeper.keep(name, state)
        if name == "last":
            self.saved_at = time.perf_counter()
        self.tick(training=False)

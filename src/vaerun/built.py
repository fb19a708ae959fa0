"""What a configuration has been built into: the objects of one run, and what is measured of them."""

from dataclasses import dataclass

import torch

from vaerun.data.base import Dataset
from vaerun.evaluation.base import Evaluation, Findings
from vaerun.evaluation.bound import BoundEvaluation
from vaerun.strategy.base import Strategy
from vaerun.trainer.loop import Trainer
from vaerun.trainer.seed import isolated


@dataclass(frozen=True)
class Run:
    """The objects of one run, ready to train or to evaluate."""

    trainer: Trainer
    data: Dataset
    strategy: Strategy
    evaluation: Evaluation
    threads: int
    products: str  # the library that multiplies matrices on a CPU

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

    def evaluate(self, seed: int) -> Findings:
        """What the run's evaluation finds at the weights in force."""
        return self.found(self.evaluation, seed)

    def test(self, seed: int) -> Findings:
        """The same with the ELBO of all test points, whatever the evaluation is: by it, runs that end are compared."""
        findings = self.evaluate(seed)
        name = "elbo" if self.strategy.bound.model.is_density else "pseudo_elbo"
        if f"{name}/test" in findings.figures and self.evaluation.num_points(self.data) == len(self.data.test):
            return findings
        bound = self.found(BoundEvaluation(split="test", num_samples=1), seed)
        return findings._replace(figures={**findings.figures, **bound.figures})

    def found(self, evaluation: Evaluation, seed: int) -> Findings:
        """What an evaluation finds, with draws that depend on the seed alone; training goes on as it would have."""
        training = self.strategy.training
        self.strategy.eval()
        with isolated(seed, self.device):
            findings = evaluation(self.strategy, self.data)
        self.strategy.train(training)
        return findings

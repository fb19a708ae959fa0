"""mean_i L(x_i; θ, φ_i) over validation points, again and again: what the best checkpoint is chosen by."""

from typing import final

import torch

from vaerun.config.ranges import at_least
from vaerun.data.base import Dataset
from vaerun.errors import UserError
from vaerun.evaluation.base import EvaluationResult
from vaerun.evaluation.bound import BoundEvaluation
from vaerun.execution.random_state import isolated
from vaerun.strategy.base import Strategy


@final
class Validation:
    """When and how the validation points are evaluated during training.

    Every validation draws the same random numbers, and takes none from training. Of a per-point strategy it stores the
    φ_i that it finds, so that the next one continues from there.

    Args:
        every: epochs between two validations, 1 or more.
        num_samples: K, samples of z for each validation point.
        points: how many of them, evenly spread; null for all. Under a per-point strategy each costs a local solve.
        evaluation_every: epochs between two of the run's evaluations during training, a multiple of ``every``; null for
            the end only.

    Raises:
        UserError: a number is out of range.
    """

    def __init__(
        self,
        *,
        every: int = 1,
        num_samples: int = 1,
        points: int | None = 1000,
        evaluation_every: int | None = None,
    ) -> None:
        at_least("trainer.validation.every", every, 1)
        at_least("trainer.validation.num_samples", num_samples, 1)
        at_least("trainer.validation.points", points, 1)
        at_least("trainer.validation.evaluation_every", evaluation_every, 1, "use null for none during training")
        if evaluation_every is not None and evaluation_every % every:
            raise UserError(
                f"trainer.validation.evaluation_every must be a multiple of trainer.validation.every={every}, because "
                f"both go into one record, got {evaluation_every}: use {every} or a multiple of it, or null."
            )
        self.every, self.evaluation_every = every, evaluation_every
        self.bound = BoundEvaluation(split="valid", num_samples=num_samples, points=points)

    def __call__(self, strategy: Strategy, data: Dataset, seed: int) -> EvaluationResult:
        """The bound of the validation points at the weights in force."""
        device = data.train.x.device
        training = strategy.training
        with isolated(seed, device), torch.no_grad():
            strategy.eval()
            result = self.bound.evaluate(strategy, data, strategy.infer_and_store)
            strategy.train(training)
        return result

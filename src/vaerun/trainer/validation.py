"""mean_i L(x_i; θ, φ_i) over the validation points during training; it chooses the best checkpoint."""

import math
from typing import final

import torch
from torch import Tensor

from vaerun.bound.lowest_variance import lowest_variance_elbo
from vaerun.config.ranges import at_least
from vaerun.data.base import Dataset
from vaerun.data.loader import sweep
from vaerun.data.stream import stream
from vaerun.errors import UserError
from vaerun.evaluation.ascent import left_to_gain
from vaerun.evaluation.base import EvaluationResult, evaluating
from vaerun.evaluation.bound import BoundEvaluation
from vaerun.evaluation.results import Results
from vaerun.execution import parallel
from vaerun.execution.random_state import isolated
from vaerun.notation import Batch
from vaerun.strategy.base import Inference, Strategy
from vaerun.strategy.metrics import GAIN_LEFT

SPACING = 120  # gradients of training between two validations that search φ, which takes 20 to 40 gradients
STORED = 100  # training points whose stored φ_i are measured


@final
class Validation:
    """When and how the validation points are evaluated during training.

    Every validation computes the bound with the same random numbers, and leaves those of training unchanged. With a
    per-point strategy it stores the φ_i of the validation points. The next validation continues from them with new
    random numbers, so that φ_i is not fitted to the samples of one ascent; ``PerPoint`` says when an ascent ends. A
    validation between the others, at the end of training, solves for φ_i completely and stores nothing, so that a
    training that is continued goes on as if it had not ended there. It
    also measures, at 100 training points, what their stored φ_i have left to gain in the ELBO, if the ELBO is trained:
    gain_left/train in nats, the mean over these points.

    Args:
        every: epochs between two validations, 1 or more; null for 1, or, with a per-point strategy, the fewest in which
            training computes 120 gradients one after another: a search for φ of the validation points takes 20 to 40.
        num_samples: K, samples of z for each validation point.
        points: number of validation points, evenly spread; null for all. A per-point strategy solves for φ of each.
        evaluation_every: epochs between two of the run's evaluations during training, a multiple of ``every``; null for
            the end only.

    Raises:
        UserError: a number is out of range.
    """

    def __init__(
        self,
        *,
        every: int | None = None,
        num_samples: int = 1,
        points: int | None = 1000,
        evaluation_every: int | None = None,
    ) -> None:
        at_least("trainer.validation.every", every, 1)
        at_least("trainer.validation.num_samples", num_samples, 1)
        at_least("trainer.validation.points", points, 1)
        at_least("trainer.validation.evaluation_every", evaluation_every, 1, "use null for none during training")
        if every is not None and evaluation_every is not None and evaluation_every % every:
            raise UserError(
                f"trainer.validation.evaluation_every must be a multiple of trainer.validation.every={every}, because "
                f"both are in the same record, got {evaluation_every}: use a multiple, or null."
            )
        self.every, self.evaluation_every = every, evaluation_every
        self.bound = BoundEvaluation(split="valid", num_samples=num_samples, points=points)

    def interval(self, strategy: Strategy, steps_per_epoch: int) -> int:
        """The number of epochs between two validations; it divides ``evaluation_every``."""
        if self.every is not None:
            return self.every
        if not strategy.per_point:
            return 1
        epochs = math.ceil(SPACING / (steps_per_epoch * strategy.gradients_per_step()))
        if self.evaluation_every is None:
            return epochs
        return max(n for n in range(1, epochs + 1) if self.evaluation_every % n == 0)

    def __call__(
        self, strategy: Strategy, data: Dataset, seed: int, step: int, *, stores: bool = True
    ) -> EvaluationResult:
        """The bound of the validation points at the present weights.

        Args:
            strategy: the present one.
            data: with the validation points.
            seed: of the run.
            step: how many steps of training were made.
            stores: whether a per-point strategy stores the φ_i.
        """
        inference = strategy.infer_and_store if stores else strategy.infer
        device = data.train.x.device
        with evaluating(strategy, seed, device), torch.no_grad():
            if not strategy.per_point:
                return self.bound.evaluate(strategy, data, inference)
            ascents = stream("seed", seed, step).initial_seed()

            def infer(x: Tensor, index: Tensor, split: str) -> Inference:
                with isolated(ascents, device):
                    return inference(x, index, split)

            result = self.bound.evaluate(strategy, data, infer)
            if not strategy.bound.objective.is_elbo:
                return result
            stored = stored_phi(strategy, data)
            return result._replace(
                metrics={**result.metrics, **stored.metrics}, declared={**result.declared, **stored.declared}
            )


def stored_phi(strategy: Strategy, data: Dataset) -> EvaluationResult:
    """What is left to gain at the stored φ_i of some training points, whatever estimator is trained with."""
    bound = lowest_variance_elbo(strategy.bound, num_samples=8)

    def compute(batch: Batch) -> Tensor:
        phi = strategy.infer(batch.x, batch.index, "train").phi
        return left_to_gain(bound, batch.x, phi, gradients=2).unbiased

    batches = sweep(data.train, STORED, STORED, own=True)  # a process has the φ_i of its own points
    left = torch.cat(parallel.share(batches, compute, data.train.x.device))
    results = Results("train")
    results.add(GAIN_LEFT, float(left.mean()))
    return results.result()

"""mean_i L(x_i; θ, φ_i) over the validation points during training; it chooses the best checkpoint."""

from typing import final

import torch
from torch import Tensor

from vaerun.bound.lowest_variance import lowest_variance_elbo
from vaerun.config.ranges import at_least
from vaerun.data.base import Dataset
from vaerun.data.loader import sweep
from vaerun.errors import UserError
from vaerun.evaluation.ascent import left_to_gain
from vaerun.evaluation.base import EvaluationResult, evaluating
from vaerun.evaluation.bound import BoundEvaluation
from vaerun.evaluation.results import Results
from vaerun.execution import parallel
from vaerun.notation import Batch
from vaerun.strategy.base import Strategy
from vaerun.strategy.metrics import GAIN_LEFT, INNER_CONVERGED

STORED = 100  # training points whose stored φ_i are measured
CONVERGED = 0.1  # nats left to gain, below which a stored φ_i counts as converged


@final
class Validation:
    """When and how the validation points are evaluated during training.

    Every validation uses the same random numbers, and leaves those of training unchanged. With a per-point strategy it
    stores the φ_i of the validation points, and the next validation continues from them. It also measures, at 100
    training points, what their stored φ_i have left to gain in the ELBO, if the ELBO is trained: gain_left/train in
    nats, and inner_converged/train, the share of the points with less than 0.1 nat.

    Args:
        every: epochs between two validations, 1 or more.
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
                f"both are in the same record, got {evaluation_every}: use a multiple, or null."
            )
        self.every, self.evaluation_every = every, evaluation_every
        self.bound = BoundEvaluation(split="valid", num_samples=num_samples, points=points)

    def __call__(self, strategy: Strategy, data: Dataset, seed: int) -> EvaluationResult:
        """The bound of the validation points at the present weights."""
        with evaluating(strategy, seed, data.train.x.device), torch.no_grad():
            result = self.bound.evaluate(strategy, data, strategy.infer_and_store)
            if not strategy.per_point or not strategy.bound.objective.is_elbo:
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
    results.add(INNER_CONVERGED, float((left < CONVERGED).double().mean()))
    return results.result()

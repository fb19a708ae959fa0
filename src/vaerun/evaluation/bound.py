"""The ELBO and the importance-weighted bound, with samples of q itself (not of a relaxation) and KL weight 1."""

from collections.abc import Callable

import torch
from torch import Tensor

from vaerun.bound.monte_carlo import ELBO, ROWS, bounds, iwae
from vaerun.config.ranges import at_least
from vaerun.data.base import Dataset, SplitName
from vaerun.evaluation.base import EvaluationResult
from vaerun.evaluation.over_points import OverPoints
from vaerun.evaluation.results import Results
from vaerun.metric.metric import Metric, find
from vaerun.notation import Batch
from vaerun.strategy.base import Inference, Strategy

POINTS = 512  # φ inferred at once


class BoundEvaluation(OverPoints):
    """elbo = mean_i mean_k r_ik and iwae_K = mean_i [logsumexp_k r_ik − log K], r = log p_θ(x, z) − log q(z; φ), z ~ q.

    Both are lower bounds on mean_i log p_θ(x_i) in expectation, in nats per datum, whatever objective was trained. Each
    has a standard error over the points, s/√N. If the likelihood is not a density, the names begin with ``pseudo_``.

    Args:
        split: train, valid or test.
        num_samples: K; at K = 1 ``iwae_1`` is left out, because it equals the ELBO.
        points: how many points of the split, evenly spread over it; null for all.

    Raises:
        UserError: the split does not exist, K < 1, or ``points`` < 1.

    Reference: Burda, Grosse, Salakhutdinov 2016, Importance weighted autoencoders, eq. 8 and theorem 1.
    """

    def __init__(self, split: SplitName = "test", num_samples: int = 100, points: int | None = None) -> None:
        super().__init__(split, points)
        at_least("evaluation.num_samples", num_samples, 1)
        self.num_samples = num_samples

    def __call__(self, strategy: Strategy, data: Dataset) -> EvaluationResult:
        return self.evaluate(strategy, data, strategy.infer)

    @torch.no_grad()
    def evaluate(
        self, strategy: Strategy, data: Dataset, infer: Callable[[Tensor, Tensor, str], Inference]
    ) -> EvaluationResult:
        """The same, with φ from the function ``infer``, (x, index, split) ↦ Inference."""
        found: dict[Metric, list[Tensor]] = {}
        declared = strategy.declared()

        def values_of(batch: Batch) -> dict[Metric, Tensor]:
            inference = infer(batch.x, batch.index, self.split)
            values = bounds(strategy.bound, batch.x, inference.phi, self.num_samples)
            return {**values, **{find(declared, name): each for name, each in inference.diagnostics.items()}}

        # Fewer and larger ascents take less time.
        size = POINTS if strategy.per_point else max(1, min(POINTS, ROWS // min(self.num_samples, 64)))
        for values in self.over(data, size, values_of):
            for metric, each in values.items():
                found.setdefault(metric, []).append(each)
        bounding = {strategy.bound.metric(metric) for metric in (ELBO, iwae(self.num_samples))}
        points = {metric: torch.cat(batches) for metric, batches in found.items()}
        results = Results(self.split)
        for metric, each in points.items():
            if metric in bounding:
                results.add_mean(metric, each)
            else:
                results.add(metric, float(each.double().mean()))  # a diagnostic, whose error nobody compares
        return results.result({metric.name: each for metric, each in points.items()})

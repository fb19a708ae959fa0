"""mean_i L(x_i; θ, φ_i) at hard samples, true q and KL weight 1: the ELBO and its importance-weighted tightening."""

from collections.abc import Callable

import torch
from torch import Tensor

from vaerun.bound.monte_carlo import ROWS, bounds
from vaerun.data.base import Dataset, SplitName
from vaerun.errors import UserError
from vaerun.evaluation.base import EvaluationResult
from vaerun.evaluation.over_points import OverPoints, with_error
from vaerun.strategy.base import Inference, Strategy

POINTS = 512  # φ inferred at once


class BoundEvaluation(OverPoints):
    """elbo = mean_i mean_k r_ik and iwae_K = mean_i [logsumexp_k r_ik − log K], r = log p_θ(x, z) − log q(z; φ), z ~ q.

    Both are lower bounds on mean_i log p_θ(x_i) in expectation, whatever was trained, in nats per datum. Each comes
    with its standard error over the points, s/√N. Under a likelihood that is no density the names carry ``pseudo_``.

    Args:
        split: train, valid or test.
        num_samples: K; at K = 1 there is no iwae figure, since it would repeat the ELBO.
        points: how many points of the split, evenly spread over it; null for all.

    Raises:
        UserError: no such split, or K < 1, or no points.

    Reference: Burda, Grosse, Salakhutdinov 2016, Importance weighted autoencoders, eq. 8 and theorem 1.
    """

    def __init__(self, split: SplitName = "test", num_samples: int = 100, points: int | None = None) -> None:
        super().__init__(split, points)
        if num_samples < 1:
            raise UserError(f"evaluation.num_samples={num_samples}, but a bound needs a sample: give 1 or more.")
        self.num_samples = num_samples

    def __call__(self, strategy: Strategy, data: Dataset) -> EvaluationResult:
        return self.evaluate(strategy, data, strategy.infer)

    @torch.no_grad()
    def evaluate(
        self, strategy: Strategy, data: Dataset, infer: Callable[[Tensor, Tensor, str], Inference]
    ) -> EvaluationResult:
        """The same with φ from ``infer``, (x, index, split) ↦ Inference."""
        found: dict[str, list[Tensor]] = {}
        for batch in self.batches(data, max(1, min(POINTS, ROWS // min(self.num_samples, 64)))):
            inference = infer(batch.x, batch.index, self.split)
            figures = bounds(strategy.bound, batch.x, inference.phi, self.num_samples)
            for name, values in {**figures, **inference.diagnostics}.items():
                found.setdefault(name, []).append(values)
        prefix = "" if strategy.bound.model.is_density else "pseudo_"
        tags: dict[str, float] = {}
        points: dict[str, Tensor] = {}
        for name, batches in found.items():
            is_bound = name.startswith(("elbo", "iwae"))
            tag = f"{prefix}{name}" if is_bound else name
            points[tag] = torch.cat(batches)
            averaged = with_error(tag, self.split, points[tag])
            tags |= averaged if is_bound else {f"{tag}/{self.split}": averaged[f"{tag}/{self.split}"]}
        return EvaluationResult(tags, points)

"""L_K = mean_i [logsumexp_k r_ik − log K] at a large K, and diagnostics that say whether K was large enough."""

import logging
import math

import torch
from torch import Tensor

from vaerun.bound.bound import Bound
from vaerun.bound.lowest_variance import lowest_variance_elbo
from vaerun.bound.monte_carlo import ELBO, iwae
from vaerun.config.ranges import at_least
from vaerun.data.base import Dataset, SplitName
from vaerun.evaluation.ascent import ascend
from vaerun.evaluation.base import EvaluationResult
from vaerun.evaluation.chunks import TOGETHER, chunks
from vaerun.evaluation.importance_weights import ImportanceWeights
from vaerun.evaluation.over_points import OverPoints
from vaerun.evaluation.pareto import samples_needed
from vaerun.evaluation.results import Results
from vaerun.execution.memory import keep_freed_memory
from vaerun.metric.metric import Metric
from vaerun.notation import Batch
from vaerun.strategy.base import Strategy

logger = logging.getLogger("vaerun")

POINTS = 1024  # φ inferred at once
HEAVY = 0.7  # above this k̂ the estimate converges too slowly for any practical K
ESS = Metric("ess", "not a bound: effective samples, mean over points")
ESS_MIN = Metric("ess_min", "not a bound: effective samples, minimum over points")
PARETO_K = Metric("pareto_k", f"not a bound: tail index k̂ of the weights, too heavy above {HEAVY:g}")
PARETO_K_ABOVE = Metric(f"pareto_k_above_{HEAVY:g}", f"not a bound: fraction of the points with k̂ > {HEAVY:g}")


class MarginalEvaluation(OverPoints):
    """iwae_K = mean_i [logsumexp_k r_ik − log K], r = log p_θ(x, z) − log q(z; φ), z ~ q: L_K at a large K.

    A lower bound on mean_i log p_θ(x_i) in expectation, in nats per datum, that rises with K. Its standard error
    ``_se`` is over the points, s/√N; it does not measure the distance to log p(x). ``elbo``, the mean of the same
    rewards, is the ELBO. The other metrics say how far below log p(x) L_K may be. They are not bounds:

    ess and ess_min: mean and minimum over points of (Σ w)²/Σ w², between 1 and K, for the K weights w = exp r.
    pareto_k: mean k̂ over points, the shape of the tail of w. Below ½ the variance of w is finite.
        From 0.7 on the estimate converges too slowly for any practical K. From 1 on even the mean of w looks infinite;
        it is finite, so q misses a part of p(z given x). Left out at K < 21, because the tail is too short.
    pareto_k_above_0.7: the fraction of such points. A warning names remedies.

    Memory does not grow with K: chunks over points and samples are added up, and of each point's weights only the
    3√K largest are kept. If the likelihood is not a density, the name is ``pseudo_iwae_K``.

    Args:
        split: train, valid or test.
        num_samples: K.
        points: how many points of the split, evenly spread over it; null for all.
        refine: steps of a local solver from the strategy's φ, towards each point's own best φ; 0 for the φ as it is.
            The bound holds for any q, and is the tighter the nearer q is to p(z given x).

    Raises:
        UserError: the split does not exist, or a number is out of range.

    Reference: Burda, Grosse, Salakhutdinov 2016, Importance weighted autoencoders, theorem 1; Vehtari et al. 2024,
    Pareto smoothed importance sampling (the diagnostic k̂; the weights are not smoothed here, which would not leave a
    bound).
    """

    def __init__(
        self, split: SplitName = "test", num_samples: int = 5000, points: int | None = None, refine: int = 0
    ) -> None:
        super().__init__(split, points)
        at_least("evaluation.num_samples", num_samples, 1)
        at_least("evaluation.refine", refine, 0)
        self.num_samples, self.refine = num_samples, refine

    @torch.no_grad()
    def __call__(self, strategy: Strategy, data: Dataset) -> EvaluationResult:
        keep_freed_memory()
        bounds, means, sizes, shapes = [], [], [], []

        def values_of(batch: Batch) -> list[tuple[Tensor, Tensor, Tensor, Tensor | None]]:
            found = strategy.infer(batch.x, batch.index, self.split).phi
            phi = self.refined(strategy.bound, batch.x, found)
            parts = []
            for x_part, phi_part in zip(batch.x.split(TOGETHER), phi.split(TOGETHER), strict=True):
                weights = weigh(strategy.bound, x_part, phi_part, self.num_samples, points=self.num_points(data))
                diagnostics = (weights.effective_sample_size(), weights.pareto_k())
                parts.append((weights.log_mean(), weights.mean_log(), *diagnostics))
            return parts

        for parts in self.over(data, POINTS, values_of):
            for bound, mean, size, shape in parts:
                bounds.append(bound)
                means.append(mean)
                sizes.append(size)
                if shape is not None:
                    shapes.append(shape)
        points = {
            strategy.bound.metric(iwae(self.num_samples)): torch.cat(bounds),
            strategy.bound.metric(ELBO): torch.cat(means),
        }
        results = Results(self.split)
        for metric, values in points.items():
            results.add_mean(metric, values)
        ess = torch.cat(sizes)
        results.add(ESS, float(ess.mean()))
        results.add(ESS_MIN, float(ess.min()))
        if shapes:
            points[PARETO_K] = torch.cat(shapes)
            self.judge(points[PARETO_K], results)
        return results.result({metric.name: values for metric, values in {**points, ESS: ess}.items()})

    def refined(self, bound: Bound, x: Tensor, phi: Tensor) -> Tensor:
        """φ after at most ``refine`` ascent steps; each point stops separately, Float[Tensor, "B P"]."""
        return phi if self.refine == 0 else ascend(lowest_variance_elbo(bound), x, phi, self.refine).phi

    def judge(self, k: Tensor, results: Results) -> None:
        """Adds the metrics of k̂, Float[Tensor, "N"], to the results, and warns where it is too large."""
        heavy = k > HEAVY
        if heavy.any():
            logger.warning(self.warning(k, heavy))
        results.add(PARETO_K, float(k.mean()))
        results.add(PARETO_K_ABOVE, float(heavy.double().mean()))

    def warning(self, k: Tensor, heavy: Tensor) -> str:
        """The warning for points whose weights have a heavy tail, with remedies."""
        remedies = ["a richer posterior"]
        if self.refine == 0:
            remedies.append("a refined q (evaluation.refine=200)")
        median = float(samples_needed(k[heavy]).median())
        if self.num_samples < median < 1e6:
            remedies.insert(0, f"a larger K (evaluation.num_samples={10 ** math.ceil(math.log10(median))})")
        else:
            remedies.insert(0, "a much larger K")
        return (
            f"K = {self.num_samples:,} is too small for {int(heavy.sum()):,} of {len(k):,} points, whose largest "
            f"weights have a tail of Pareto k̂ > {HEAVY:g}, so that their part of iwae_{self.num_samples} may "
            f"lie far below log p(x): use {', '.join(remedies[:-1])} or {remedies[-1]}."
        )


def weigh(bound: Bound, x: Tensor, phi: Tensor, num_samples: int, *, points: int = 0) -> ImportanceWeights:
    """The K importance weights of every point of x, drawn in chunks.

    Args:
        bound: states model and family.
        x: Float[Tensor, "B X"].
        phi: Float[Tensor, "B P"].
        num_samples: K.
        points: how many points the caller has in all, of which x are some.
    """
    weights = ImportanceWeights(num_samples, x)
    for chunk in chunks(x, num_samples, points):
        weights.add(bound.rewards(x, phi, chunk.size, calls=chunk.calls))
    return weights

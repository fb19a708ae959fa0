"""Approximation gap log p(x) − L[q*], amortization gap L[q*] − L[q], and their sum (Cremer et al. 2018)."""

import logging
from collections.abc import Mapping
from typing import ClassVar

import torch

from vaerun.bound.bound import Bound
from vaerun.bound.lowest_variance import lowest_variance_elbo
from vaerun.bound.monte_carlo import ELBO, iwae
from vaerun.config.ranges import at_least
from vaerun.data.base import Dataset, SplitName
from vaerun.errors import UserError, counted
from vaerun.evaluation.ais import AIS
from vaerun.evaluation.base import EvaluationResult, Named
from vaerun.evaluation.gap_estimates import OPTIMAL, OWN, RICHER, Gap, GapEstimates, below_zero, gaps, joined
from vaerun.evaluation.gap_evidence import annealed, exact
from vaerun.evaluation.gap_metrics import (
    AMORTIZATION_GAP,
    GAP_POINTS,
    INFERENCE_GAP,
    LOG_MARGINAL,
    elbo_optimal,
    gap_converged,
    iwae_optimal,
)
from vaerun.evaluation.gap_optimum import converted, optimum
from vaerun.evaluation.gap_pictures import worst_points
from vaerun.evaluation.gap_rewards import draw
from vaerun.evaluation.over_points import OverPoints
from vaerun.evaluation.results import Results
from vaerun.execution.memory import keep_freed_memory
from vaerun.image.style import ImageStyle
from vaerun.metric.metric import Metric
from vaerun.notation import Batch
from vaerun.posterior.base import Family
from vaerun.strategy.base import Strategy

logger = logging.getLogger("vaerun")

POINTS = 1024  # evaluated at once
ROUNDING = 1e-5  # relative to log p(x); a gap may be negative by this rounding error


class GapEvaluation(OverPoints):
    """approximation_gap = log p̂(x) − L[q*], amortization_gap = L[q*] − L[q], inference_gap = log p̂(x) − L[q].

    L[q] is the ELBO at the φ that the strategy finds, and L[q*] the ELBO at the best φ of the same family for this
    point. The first gap is due to the family. The second is due to how the strategy finds φ, for example by an encoder
    or by too few ascent steps. Their sum is KL(q ‖ p(z given x)). All are means over the points of a split, in nats per
    datum, with standard errors; both ELBOs use the same noise. What the search for q* leaves to gain is estimated with
    new gradients at q*. Its mean is added, in quadrature, to the standard errors of the gaps that need q*.

    elbo: L[q]. elbo_optimal: L[q*], whose q is not that of the run. Both are lower bounds on log p(x) in expectation.
    log_marginal: log p̂(x) if it is exact: the model has it in closed form, or z has few values.
    iwae_K_optimal or ais: log p̂(x) otherwise, with K samples of q*, or by annealed importance sampling if its mean over
        the points is larger by more than two standard errors. Both are lower bounds on log p(x) in expectation, so the
        approximation gap and the inference gap are underestimated. One of them is used for all points; ``points.npz``
        has both.
    gap_converged: the fraction of points for which the search for q* converged: less than 0.05 nat is left to gain at
        q*, noise included. Gaps are means over these points only; ``gap_points`` is their number. Bounds are means over
        all points. A warning names a remedy if some points have not converged, or if a gap is negative by more than its
        error, which is impossible in theory.

    With a richer ``family`` F there are also elbo_optimal_F, the ELBO of the best q of F; approximation_gap_F, its
    approximation gap; and gap_converged_F. The other gaps are those of the run's own family. If the
    likelihood is not a density, the names of bounds and of log p(x) begin with ``pseudo_``; the inference gap is
    KL(q ‖ p(z given x)) also then.

    Images: worst_points, the points with the largest inference gaps, each above its reconstructions under q and q*.

    Args:
        split: train, valid or test.
        points: how many points of the split, evenly spread over it; null for all.
        num_samples: K, of each bound.
        family: a richer family; in a configuration an option of posterior, and further words: full_gaussian, "mixture
            posterior.components=8"; null for the run's own alone.
        starts: number of ascents: from the strategy's φ, from the family's initial φ, and from random φ near the first.
        max_steps: of each ascent; a point stops earlier when little is left to gain, 0.0003 nat in the last ascent.
        chains: C of the annealing.
        temperatures: T of the annealing; 0 leaves it out.

    Raises:
        UserError: the split does not exist, a number is out of range, or the family is over another kind of z or has
            weights that would have to be trained.

    Reference: Cremer, Li, Duvenaud 2018, Inference suboptimality in variational autoencoders, §3.
    """

    takes: ClassVar[Mapping[str, str]] = {"family": "posterior"}

    def __init__(
        self,
        *,
        split: SplitName = "test",
        points: int | None = 100,
        num_samples: int = 2000,
        family: Named | None = None,
        starts: int = 3,
        max_steps: int = 1000,
        chains: int = 8,
        temperatures: int = 200,
    ) -> None:
        super().__init__(split, points)
        at_least("evaluation.num_samples", num_samples, 2)
        at_least("evaluation.starts", starts, 1)
        at_least("evaluation.max_steps", max_steps, 1)
        at_least("evaluation.chains", chains, 1)
        at_least("evaluation.temperatures", temperatures, 0)
        self.num_samples, self.starts, self.max_steps = num_samples, starts, max_steps
        self.chains, self.temperatures = chains, temperatures
        if isinstance(family, list):
            raise UserError("evaluation.family must be one family, got a list: evaluate once for each of them.")
        self.richer: Family | None = None if family is None else untrained(family.part, family.words)
        self.richer_name = "" if family is None else family.words.split()[0].partition("/")[0]

    @torch.no_grad()
    def __call__(self, strategy: Strategy, data: Dataset) -> EvaluationResult:
        keep_freed_memory()
        bounds = self.bounds(strategy.bound)
        estimates = joined(self.over(data, POINTS, lambda batch: self.estimates(strategy, bounds, batch)))
        evidence = estimates.likeliest()
        families = (ELBO, elbo_optimal(), elbo_optimal(self.richer_name))
        values = dict(zip(families, estimates.rewards.mean, strict=False)) | {evidence: estimates.evidence[evidence]}
        results = Results(self.split)
        for metric, value in values.items():
            results.add_mean(strategy.bound.metric(metric), value)
        found = gaps(estimates, estimates.evidence[evidence], self.richer_name)
        for metric, gap in found.items():
            # Not add_mean: the standard error of a gap contains what the search for q* leaves to gain.
            if gap.known.any():
                results.add(metric, float(gap.value[gap.known].double().mean()))
            if int(gap.known.sum()) > 1:
                results.add(metric.error(), gap.error())
        for family, converged in zip(("", self.richer_name), estimates.converged[OPTIMAL:], strict=False):
            results.add(gap_converged(family), float(converged.double().mean()))
        results.add(GAP_POINTS, float(estimates.converged[OPTIMAL].sum()))
        for metric, gap in found.items():
            self.warn(metric, gap, estimates, evidence)
        each = {**values, **estimates.evidence}
        points = {strategy.bound.metric(metric).name: value for metric, value in each.items()}
        points |= {metric.name: gap.value.where(gap.known, torch.nan) for metric, gap in found.items()}
        pictures = worst_points(bounds, estimates, found[INFERENCE_GAP], ImageStyle.of(data))
        return results.result(points, {f"worst_points/{self.split}": one for one in pictures})

    def bounds(self, trained: Bound) -> list[Bound]:
        """L over the run's family, for q and for q*, and over the richer one."""
        own = lowest_variance_elbo(trained)
        if self.richer is None:
            return [own, own]
        if self.richer.support != own.model.prior.support:
            raise UserError(
                f"evaluation.family={self.richer_name} is over {self.richer.support} z, but this run's z are "
                f"{own.model.prior.support}: choose a family over the same z."
            )
        return [own, own, lowest_variance_elbo(trained, family=self.richer)]

    def estimates(self, strategy: Strategy, bounds: list[Bound], batch: Batch) -> GapEstimates:
        """q, q* and log p̂ of some points."""
        x = batch.x
        # Validation may have stored a φ_i of a held-out point: without its index the point is a new one.
        phi = strategy.infer(x, batch.index if self.split == "train" else None, self.split).phi
        best = optimum(bounds[OPTIMAL], x, phi, self.starts, self.max_steps)
        phis, converged = [phi, best.phi], [torch.ones_like(best.converged), best.converged]
        left = [torch.zeros_like(best.left), best.left]
        for bound in bounds[RICHER:]:
            known = converted(bounds[OPTIMAL].family(best.phi), bound.family, x)
            richest = optimum(bound, x, known, self.starts, self.max_steps)
            phis.append(richest.phi)
            converged.append(richest.converged)
            left.append(richest.left)
        rewards = draw(bounds, x, phis, self.num_samples)
        log_p = exact(bounds[OWN], x)
        if log_p is not None:
            evidence = {LOG_MARGINAL: log_p}
        else:
            K = self.num_samples
            families = (iwae(K), iwae_optimal(K), iwae_optimal(K, self.richer_name))
            evidence = dict(reversed(list(zip(families, rewards.log_mean, strict=False))))
            if self.temperatures:
                evidence[AIS] = annealed(bounds[OWN], x, self.chains, self.temperatures)
        return GapEstimates(x, phis, rewards, torch.stack(converged), torch.stack(left), evidence)

    def warn(self, metric: Metric, gap: Gap, estimates: GapEstimates, evidence: Metric) -> None:
        """Warns if q* was not found, or if a gap is negative, and names a remedy."""
        name = metric.name
        lost = int((~gap.known).sum())
        if lost and name.startswith("approximation"):
            logger.warning(
                f"{name} leaves out {lost:,} of {len(estimates.x):,} points, and with it every gap that needs their "
                f"best q, since the search for it had not converged after {counted(self.max_steps, 'step')}: use "
                f"evaluation.max_steps={3 * self.max_steps}."
            )
        negative = below_zero(gap, ROUNDING * float(estimates.rewards.mean[OWN].abs().mean()))
        if negative:
            remedy = self.remedies()["" if metric == AMORTIZATION_GAP else evidence.name.partition("_")[0]]
            logger.warning(f"{name} is negative {negative}, by more than its error: {remedy}.")

    def remedies(self) -> Mapping[str, str]:
        """The remedy for a negative gap, by the estimator of log p̂(x); "" for the gap without log p̂(x)."""
        more = f"evaluation.temperatures={4 * self.temperatures or 200}"
        return {
            "": f"q* is not the best there; use evaluation.starts={2 * self.starts} or a larger evaluation.max_steps",
            "ais": f"log p(x) is underestimated there; use {more} or more evaluation.chains",
            "iwae": f"log p(x) is underestimated there; use evaluation.num_samples={10 * self.num_samples} or {more}",
            "log": "an ELBO cannot exceed the exact log p(x): a density of q or of the model does not fit its samples",
        }


def untrained(family: Family, words: str) -> Family:
    """The family, if it has no shared weights.

    Raises:
        UserError: it has weights that all points share.
    """
    if any(True for _ in family.parameters()):
        raise UserError(
            f"evaluation.family={words} has weights that all points share, which would have to be trained first: "
            f"choose a family whose density is given by φ alone, such as full_gaussian or mixture."
        )
    return family

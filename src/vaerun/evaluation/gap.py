"""log p(x) − L[q*], L[q*] − L[q] and their sum KL(q ‖ p(z given x)): what the family and what finding φ loses."""

import logging
from collections.abc import Mapping
from typing import ClassVar

import torch

from vaerun.bound.bound import Bound
from vaerun.bound.lowest_variance import lowest_variance_elbo
from vaerun.data.base import Dataset, SplitName
from vaerun.errors import UserError
from vaerun.evaluation.base import EvaluationResult, Named
from vaerun.evaluation.gap_evidence import annealed, exact
from vaerun.evaluation.gap_optimum import converted, optimum
from vaerun.evaluation.gap_pictures import worst_points
from vaerun.evaluation.gap_rewards import draw
from vaerun.evaluation.gap_seen import OPTIMAL, OWN, RICHER, Gap, Seen, below_zero, gaps, joined
from vaerun.evaluation.over_points import OverPoints, with_error
from vaerun.execution.memory import keep_freed_memory
from vaerun.image.style import ImageStyle
from vaerun.notation import Batch
from vaerun.posterior.base import Family
from vaerun.strategy.base import Strategy

logger = logging.getLogger("vaerun")

POINTS = 1024  # looked at at once
ROUNDING = 1e-5  # of log p(x), by which a gap may be negative


class GapEvaluation(OverPoints):
    """approximation_gap = log p̂(x) − L[q*], amortization_gap = L[q*] − L[q], inference_gap = log p̂(x) − L[q].

    L[q] is the ELBO at the φ that the strategy finds, L[q*] at the best φ of the point in the same family: the first
    gap is the price of the family, the second that of finding φ as the strategy does, whether by an encoder or by an
    ascent that was cut short. Their sum is KL(q ‖ p(z given x)). All are means over points of one split, in nats per
    datum, each with its standard error; both ELBOs are taken with the same noise.

    elbo: L[q]. elbo_optimal: L[q*], a bound with a q that the run does not have. Both bound log p(x) in expectation.
    log_marginal: log p̂(x) where it is exact: the model has it in closed form, or z few values.
    iwae_K_optimal, or ais: log p̂(x) elsewhere, with K samples of q*, or by annealed importance sampling where that is
        larger on average over the points, by more than two standard errors. Both are lower bounds on log p(x) in
        expectation; what they lack is missing from the approximation gap and from the inference gap. The one that
        is shown is taken for all points; ``points.npz`` has both.
    gap_converged: the share of points at which the search for q* came to its end. The gaps are means over these alone,
        ``gap_points`` in number, while bounds are means over all points. A warning says what to do about the others,
        and about gaps that are negative by more than their error, which no gap is.

    With ``family`` also, for a richer family, F: elbo_optimal_F, L of the best q of that family; approximation_gap_F,
    what it still loses; gap_converged_F. The other gaps stay those of the run's own family. Under a likelihood that is
    no density what is called a bound or log p has ``pseudo_`` in front; a gap is KL(q ‖ p(z given x)) all the same.

    Pictures: worst_points, those of the largest inference gaps; below each its reconstruction under q, and under q*.

    Args:
        split: train, valid or test.
        points: how many points of the split, evenly spread over it; null for all.
        num_samples: K, of each figure.
        family: a richer family; in a configuration an option of posterior, and further words: full_gaussian, "mixture
            posterior.components=8"; null for the run's own alone.
        starts: ascents from the strategy's φ, from the family's initial φ, and from places scattered about the first.
        max_steps: of each ascent; a point stops earlier when it gains no more.
        chains: C of the annealing.
        temperatures: T of the annealing; 0 leaves it out.

    Raises:
        UserError: no such split, no points, a number out of its range, or a family over another kind of z, or whose
            density has weights that would have to be trained.

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
        for name, value, least in (
            ("num_samples", num_samples, 2),
            ("starts", starts, 1),
            ("max_steps", max_steps, 1),
            ("chains", chains, 1),
            ("temperatures", temperatures, 0),
        ):
            if value < least:
                raise UserError(f"evaluation.{name}={value} finds no gap: give {least} or more.")
        self.num_samples, self.starts, self.max_steps = num_samples, starts, max_steps
        self.chains, self.temperatures = chains, temperatures
        self.richer: Family | None = None if family is None else untrained(family.part, family.words)
        self.suffix = "" if family is None else f"_{family.words.split()[0].partition('/')[0]}"

    @torch.no_grad()
    def __call__(self, strategy: Strategy, data: Dataset) -> EvaluationResult:
        keep_freed_memory()
        bounds = self.bounds(strategy.bound)
        seen = joined([self.see(strategy, bounds, batch) for batch in self.batches(data, POINTS)])
        evidence = seen.likeliest()
        prefix = "" if bounds[OWN].model.is_density else "pseudo_"
        names = ("elbo", "elbo_optimal", f"elbo_optimal{self.suffix}")
        values = dict(zip(names, seen.drawn.mean, strict=False)) | {evidence: seen.evidence[evidence]}
        figures: dict[str, float] = {}
        for name, value in values.items():
            figures |= with_error(f"{prefix}{name}", self.split, value)
        found = gaps(seen, seen.evidence[evidence], self.suffix)
        for name, gap in found.items():
            if gap.known.any():
                figures |= with_error(name, self.split, gap.value[gap.known])
        for suffix, converged in zip(("", self.suffix), seen.converged[OPTIMAL:], strict=False):
            figures[f"gap_converged{suffix}/{self.split}"] = float(converged.double().mean())
        figures[f"gap_points/{self.split}"] = float(seen.converged[OPTIMAL].sum())
        for name, gap in found.items():
            self.warn(name, gap, seen, evidence)
        points = {f"{prefix}{name}": value for name, value in {**values, **seen.evidence}.items()}
        points |= {name: gap.value.where(gap.known, torch.nan) for name, gap in found.items()}
        pictures = worst_points(bounds, seen, found["inference_gap"], ImageStyle.of(data))
        return EvaluationResult(figures, points, {f"worst_points/{self.split}": one for one in pictures})

    def bounds(self, trained: Bound) -> list[Bound]:
        """L over the run's family, for q and for q*, and over the richer one."""
        own = lowest_variance_elbo(trained)
        if self.richer is None:
            return [own, own]
        if self.richer.support != own.model.prior.support:
            raise UserError(
                f"evaluation.family={self.suffix[1:]} is over {self.richer.support} z, but this run's z are "
                f"{own.model.prior.support}: choose a family over the same z."
            )
        return [own, own, lowest_variance_elbo(trained, family=self.richer)]

    def see(self, strategy: Strategy, bounds: list[Bound], batch: Batch) -> Seen:
        """q, q* and log p̂ of some points."""
        x = batch.x
        # A held-out row would be written: without its place in the split, a point is one that nobody has seen.
        phi = strategy.infer(x, batch.index if self.split == "train" else None, self.split).phi
        best = optimum(bounds[OPTIMAL], x, phi, self.starts, self.max_steps)
        phis, converged = [phi, best.phi], [torch.ones_like(best.converged), best.converged]
        for bound in bounds[RICHER:]:
            known = converted(bounds[OPTIMAL].family(best.phi), bound.family, x)
            richest = optimum(bound, x, known, self.starts, self.max_steps)
            phis.append(richest.phi)
            converged.append(richest.converged)
        drawn = draw(bounds, x, phis, self.num_samples)
        log_p = exact(bounds[OWN], x)
        if log_p is not None:
            evidence = {"log_marginal": log_p}
        else:
            names = ("", "_optimal", f"_optimal{self.suffix}")
            weighted = [(f"iwae_{self.num_samples}{end}", q) for end, q in zip(names, drawn.log_mean, strict=False)]
            evidence = dict(reversed(weighted))
            if self.temperatures:
                evidence["ais"] = annealed(bounds[OWN].model, x, self.chains, self.temperatures)
        return Seen(x, phis, drawn, torch.stack(converged), evidence)

    def warn(self, name: str, gap: Gap, seen: Seen, evidence: str) -> None:
        """Says where no q* was found, and where a gap is negative, with what helps."""
        lost = int((~gap.known).sum())
        if lost and name.startswith("approximation"):
            logger.warning(
                f"{name} leaves out {lost:,} of {len(seen.x):,} points, and with it every gap that needs their best q, "
                f"since the search for it had not converged after {self.max_steps} steps: use "
                f"evaluation.max_steps={3 * self.max_steps}."
            )
        negative = below_zero(gap, ROUNDING * float(seen.drawn.mean[OWN].abs().mean()))
        if negative:
            remedy = self.remedies()["" if name.startswith("amortization") else evidence.partition("_")[0]]
            logger.warning(f"{name} is negative {negative}, by more than its error: {remedy}.")

    def remedies(self) -> Mapping[str, str]:
        """What helps against a negative gap, by what log p̂(x) is; nothing for the gap that is without it."""
        more = f"evaluation.temperatures={4 * self.temperatures or 200}"
        return {
            "": f"q* is not the best there; use evaluation.starts={2 * self.starts} or a larger evaluation.max_steps",
            "ais": f"log p(x) is underestimated there; use {more} or more evaluation.chains",
            "iwae": f"log p(x) is underestimated there; use evaluation.num_samples={10 * self.num_samples} or {more}",
            "log": "no ELBO lies above the exact log p(x), so that a density of q or of the model is not what is drawn",
        }


def untrained(family: Family, words: str) -> Family:
    """The family, if its φ is all that it has.

    Raises:
        UserError: it has weights that all points share.
    """
    if any(True for _ in family.parameters()):
        raise UserError(
            f"evaluation.family={words} has weights that all points share, which would have to be trained first: "
            f"choose a family whose density is given by φ alone, such as full_gaussian or mixture."
        )
    return family

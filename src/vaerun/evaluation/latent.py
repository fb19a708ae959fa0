"""Var_x E_q[z_d], KL(q_d ‖ p_d) and I_q(x; z): the information of the latents about x, and inactive latents."""

import logging
import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from vaerun.bound.monte_carlo import KL
from vaerun.config.ranges import at_least
from vaerun.data.base import Dataset, SplitName
from vaerun.evaluation.base import EvaluationResult
from vaerun.evaluation.kl_per_dimension import kl_per_dimension
from vaerun.evaluation.label_accuracy import LABEL_ACCURACY, NEIGHBOURS, neighbour_agreement
from vaerun.evaluation.over_points import OverPoints
from vaerun.evaluation.results import Results
from vaerun.execution.memory import rows_at_once
from vaerun.image.scatter import principal_plane, scatter
from vaerun.image.style import numbers
from vaerun.metric.interval import quantile
from vaerun.metric.metric import Metric
from vaerun.model.prior.base import Prior
from vaerun.posterior.active_units import ACTIVE, means, variance
from vaerun.posterior.base import Family
from vaerun.strategy.base import Strategy
from vaerun.system.warning import warn_once

logger = logging.getLogger("vaerun")

POINTS = 1024  # φ inferred at once
FEW = 0.25  # fraction of active units; at most this many is called collapse
LEAST = 30  # points; from fewer, nothing is said about active units, because their variance is too uncertain


ACTIVE_UNITS = Metric("active_units", "not a bound: number of latents whose mean depends on x")
ACTIVE_LOW = Metric("active_units_low", "not a bound: lower end of the 95 % interval of active_units over x")
ACTIVE_HIGH = Metric("active_units_high", "not a bound: upper end of the 95 % interval of active_units over x")
MUTUAL_INFORMATION = Metric(
    "mutual_information", "not a bound: mutual information of x and z under q, estimated", "nat"
)
CEILING = Metric(
    "mutual_information_ceiling", "not a bound: largest mutual information that so many points can show, log N", "nat"
)
MARGINAL_KL = Metric("marginal_kl", "not a bound: KL of the average of all q from p(z), estimated", "nat")


def kl_dimension(d: int) -> Metric:
    """KL(q_d ‖ p_d) of latent ``d``."""
    return Metric(f"kl_dimension_{d}", f"not a bound: KL of latent {d}", "nat")


class LatentStatistics(NamedTuple):
    """Values of every point: B in a batch, N in total."""

    phi: Tensor  # Float[Tensor, "B P"]
    z: Tensor  # Float[Tensor, "B S D"]
    log_ratio: Tensor  # log q(z given x) − log p(z), Float[Tensor, "B S"]
    log_q: Tensor  # log q(z given x), Float[Tensor, "B S"]
    mean: Tensor  # E_q[z], Float[Tensor, "B D"]
    twin: Tensor  # the same by other draws, Float[Tensor, "B D"]
    kl_per_dimension: Tensor  # Float[Tensor, "B D"]; D = 0 where there is none


class LatentEvaluation(OverPoints):
    """active_units = #{d: Var_x(E_q[z_d]) > 0.01} and I_q(x; z) = E_x KL(q(z given x) ‖ p(z)) − KL(q(z) ‖ p(z)).

    Metrics of N points, in nats. They depend on the model only through its prior. None is a bound on log p(x).

    active_units: number of units whose mean varies with x, from 0 to D. Without a closed form, Var_x is the covariance
        of two means of 32 draws each, in which their noise cancels. Left out for fewer than 30 points, with a warning.
    active_units_low, active_units_high: its 95 % interval, for the x that the points are drawn from: the units whose
        interval of Var_x (Student's t, corrected for D units) lies above 0.01, and those whose interval reaches it.
    kl: E_x KL(q(z given x) ‖ p(z)), from samples, with its standard error over points. Above the mutual information.
    kl_dimension_d: E_x KL(q_d ‖ p_d) of each unit in closed form; they add up to kl. Only for a Gaussian, Laplace or
        Bernoulli q that is a product over d, with the standard prior of its kind: else coordinates have none.
    mutual_information: E log q(z given x) − log q(z) with q(z) = (1/N) Σ_j q(z given x_j), the sum over all N points,
        x's own among them. For the N points this is their mutual information with z; for the x that they are drawn
        from, a lower bound in expectation. Its ceiling log N is given beside it (mutual_information_ceiling): near it,
        more points would give more. Its standard error over points includes that of the points drawn.
    marginal_kl: KL(q(z) ‖ p(z)) = kl − mutual_information, for the N points: what the prior misses. Above it in
        expectation for the x that they are drawn from. Left out if the prior is p(z given c).
    label_accuracy: fraction of the points whose label is that of most of their 10 nearest neighbours in E_q[z]. Only
        for data with labels, which are not used in training unless the model conditions on them. The image labels_SPLIT
        shows E_q[z] on the plane of its first two principal components, in the colours of the labels. The standard
        error is that of a fraction (Agresti, Coull 1998), above 0 also for 0 and 1.

    Few active units are posterior collapse, or more units than the data need; one warning names the remedies, if the
    upper end of the interval is at most a quarter of the units.

    Args:
        split: train, valid or test.
        points: N, evenly spread over the split; null for all. The mutual information takes N² · S densities of q.
        num_samples: S, draws of z for each point.

    Raises:
        UserError: the split does not exist, or a number is out of range.

    Reference: Burda, Grosse, Salakhutdinov 2016, Importance weighted autoencoders, §5.2 (active units); Hoffman,
    Johnson 2016, ELBO surgery (the mutual information and the marginal KL).
    """

    def __init__(self, split: SplitName = "test", points: int | None = 2000, num_samples: int = 4) -> None:
        super().__init__(split, points)
        at_least("evaluation.points", points, 2, "use null for all points")
        at_least("evaluation.num_samples", num_samples, 1)
        self.num_samples = num_samples

    @torch.no_grad()
    def __call__(self, strategy: Strategy, data: Dataset) -> EvaluationResult:
        bound = strategy.bound
        batches = self.over(
            data,
            POINTS,
            lambda batch: self.statistics(strategy, batch.x, strategy.infer(batch.x, batch.index, self.split).phi),
        )
        statistics = LatentStatistics(*(torch.cat(parts) for parts in zip(*batches, strict=True)))
        information = statistics.log_q - aggregate_log_prob(bound.family, statistics.phi, statistics.z)
        results = Results(self.split)
        if len(statistics.phi) >= LEAST:
            self.count(statistics, results, "model.layers" if bound.model.latent_layers else "model.latent_dim")
        else:
            warn_once(self.too_few(len(statistics.phi), len(data.split(self.split))))
        results.add_mean(KL, statistics.log_ratio.mean(1))
        results.add_mean(MUTUAL_INFORMATION, information.mean(1))
        results.add(CEILING, math.log(len(statistics.phi)))
        if isinstance(bound.model.prior, Prior):  # the same p(z) for all points
            results.add_mean(MARGINAL_KL, (statistics.log_ratio - information).mean(1))
        for d, kl in enumerate(statistics.kl_per_dimension.double().mean(0).tolist()):
            results.add(kl_dimension(d), kl)
        pictures = self.labelled(statistics.mean, data, results)
        return results.result(
            {KL.name: statistics.log_ratio.mean(1), MUTUAL_INFORMATION.name: information.mean(1)}, pictures
        )

    def labelled(self, mean: Tensor, data: Dataset, results: Results) -> dict[str, np.ndarray]:
        """Adds label_accuracy, and returns the plot of E_q[z] by label; nothing without labels."""
        labels = data.split(self.split).labels
        if labels is None:
            return {}
        labels = labels[torch.cat([batch.index for batch in self.batches(data, POINTS)])]
        known = labels >= 0
        if int(known.sum()) > NEIGHBOURS:
            results.add_fraction(LABEL_ACCURACY, neighbour_agreement(mean[known], labels[known]))
        plane, _ = principal_plane(numbers(mean))
        return {f"labels/{self.split}": scatter(plane, numbers(labels), data.labels)}

    def too_few(self, points: int, available: int) -> str:
        """The sentence about active units that are left out."""
        remedy = f"evaluation.points={LEAST} or more" if available >= LEAST else "a split with more points"
        return (
            f"active_units is left out, because it needs at least {LEAST} points, got {points} of {self.split}: "
            f"use {remedy}."
        )

    def statistics(self, strategy: Strategy, x: Tensor, phi: Tensor) -> LatentStatistics:
        """The values of the points x, Float[Tensor, "B X"], with φ, Float[Tensor, "B P"]."""
        model = strategy.bound.model
        q, prior = strategy.bound.family(phi), model.prior_of(model.given(x))
        z = q.sample(self.num_samples)
        log_q = q.log_prob(z)
        kl = kl_per_dimension(q, prior)
        return LatentStatistics(
            phi,
            z.transpose(0, 1),
            (log_q - prior.log_prob(z)).T,
            log_q.T,
            *means(q),
            phi.new_empty(len(phi), 0) if kl is None else kl,
        )

    def count(self, statistics: LatentStatistics, results: Results, key: str) -> None:
        """Adds the number of active units and its interval; warns if surely few are active, with the usual remedies.

        Args:
            statistics: of the points.
            results: to add to.
            key: of the number of units.
        """
        activity, margin = variance(statistics.mean, statistics.twin), half_width(statistics.mean, statistics.twin)
        units = len(activity)
        low, active, high = (int((bound > ACTIVE).sum()) for bound in (activity - margin, activity, activity + margin))
        for metric, value in ((ACTIVE_UNITS, active), (ACTIVE_LOW, low), (ACTIVE_HIGH, high)):
            results.add(metric, float(value))
        if high <= FEW * units and high < units:
            logger.warning(
                f"Only {active} of {units} latent units are active (Var_x E_q[z] > {ACTIVE:g}; at most {high} by the "
                f"95 % interval over {len(statistics.mean):,} points), so either the "
                f"data need no more or the posterior has collapsed onto the prior: warm the KL up "
                f"(objective/kl_weight=linear), leave it some nats (objective=free_bits), train the encoder harder "
                f"(strategy=aggressive), or use fewer units ({key})."
            )


def half_width(mean: Tensor, twin: Tensor) -> Tensor:
    """Of the 95 % intervals of Var_x, which hold for all D units together, Float[Tensor, "D"].

    Args:
        mean: an estimate of E_q[z], Float[Tensor, "N D"].
        twin: another one, with independent noise.
    """
    n, units = mean.shape
    terms = (mean - mean.mean(0)) * (twin - twin.mean(0))
    return quantile(n - 1, 1 - 0.05 / units) * terms.std(0) / math.sqrt(n)


def aggregate_log_prob(family: Family, phi: Tensor, z: Tensor) -> Tensor:
    """log q(z) = log (1/N) Σ_j q(z; φ_j) in chunks: Float[Tensor, "N P"], Float[Tensor, "M S D"] ↦ [M, S], float64."""
    rows = z.flatten(0, 1)
    together = rows_at_once(rows)
    width = min(len(phi), max(1, math.isqrt(together)))
    log_sum = torch.full((len(rows),), -math.inf, dtype=torch.float64, device=z.device)
    for some in phi.split(width):
        q = family(some)
        parts = [
            q.log_prob(part.unsqueeze(1).expand(-1, len(some), -1)).double().logsumexp(1)
            for part in rows.split(max(1, together // len(some)))
        ]
        log_sum = torch.logaddexp(log_sum, torch.cat(parts))
    return (log_sum - math.log(len(phi))).unflatten(0, z.shape[:2])

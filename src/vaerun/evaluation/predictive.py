"""Posterior predictive checks: statistics of the data against those of x drawn from the model."""

import logging
from collections.abc import Mapping, Sequence

import torch

from vaerun.config.ranges import at_least
from vaerun.data.base import Dataset, SplitName
from vaerun.errors import UserError, close_match
from vaerun.evaluation.base import EvaluationResult
from vaerun.evaluation.over_points import OverPoints
from vaerun.evaluation.predictive_plots import plots
from vaerun.evaluation.results import Results
from vaerun.evaluation.statistic import STATISTICS, Check, Totals
from vaerun.metric.metric import Metric
from vaerun.notation import Batch
from vaerun.strategy.base import Strategy

logger = logging.getLogger("vaerun")

POINTS = 512  # inferred at once
NUMBERS = 2**23  # values of replicated x at once
EXTREME = 0.005  # a p-value within this of 0 or 1 is not noise
ENOUGH = 200  # replicas without which no p-value is that extreme by more than chance
COORDINATES = "coordinates"

EXTREME_COORDINATES = Metric(
    "predictive_extreme_coordinates",
    "not a bound: fraction of the coordinates of x whose mean no model data set reaches, p < 0.005 or p > 0.995",
)


def p_value(name: str) -> Metric:
    """P(T(x_rep) ≥ T(x)), ties counted as one half."""
    return Metric(f"predictive_p_value_{name}", f"not a bound: P(T(x_rep) >= T(x)), T: {STATISTICS[name].meaning}")


def observed(name: str) -> Metric:
    """T(x)."""
    return Metric(f"predictive_observed_{name}", "not a bound: T(x), T of the data")


def replicated(name: str) -> Metric:
    """The mean of T(x_rep)."""
    return Metric(f"predictive_replicated_{name}", "not a bound: mean of T(x_rep), T of the model")


class PredictiveEvaluation(OverPoints):
    """z_i ~ q(z given x_i), x_rep,i ~ p(x given z_i) for every point, S times: p = P(T(x_rep) ≥ T(x)).

    A p-value near 0 or 1 says that the model does not reproduce this property of the data. A right model has p-values
    that are nearer to 1/2 than uniform ones, because x is used twice: to infer z, and to be compared. q takes the place
    of p(z given x). Replicas that are equal to the data count one half, so that a statistic of binary x that cannot
    differ has p = 1/2. Missing values are missing in the replicas, too.

    predictive_p_value_T, with its standard error √(p̃ (1 − p̃) / (S + 4)), p̃ = (S p + 2) / (S + 4) (Agresti, Coull 1998),
    which is above 0 also for p = 0 and 1, and smaller where replicas are equal to the data; predictive_observed_T:
    T(x); predictive_replicated_T: the mean of T(x_rep). The statistics T of a data set:

    mean, sd, min, max: means over the points of the mean, standard deviation, smallest and largest value of x.
    zeros: the fraction of values that are 0. spread: the standard deviation over the points of the mean of x.
    coordinates: the mean of each coordinate over the points. predictive_extreme_coordinates is the fraction of the
        coordinates with p < 0.005 or p > 0.995, at most about 0.01 for a right model.

    A sentence in the log names the statistics with p < 0.005 or p > 0.995. With fewer than 200 replicas no p-value can
    be that extreme by more than chance: neither this sentence nor predictive_extreme_coordinates is given. Images:
    predictive, with a histogram of T(x_rep) for each T, and T(x) as a red line.

    Args:
        split: train, valid or test; new for points that the run was not trained with.
        points: how many points of the split, evenly spread over it; null for all.
        num_samples: S, 1 or more; 200 or more for the sentence and predictive_extreme_coordinates.
        statistics: their names.

    Raises:
        UserError: the split or a statistic does not exist, or a number is out of range.

    Reference: Gelman, Meng, Stern 1996, Posterior predictive assessment of model fitness via realized discrepancies.
    """

    def __init__(
        self,
        split: SplitName = "test",
        points: int | None = 1000,
        num_samples: int = 200,
        statistics: Sequence[str] = tuple(STATISTICS),
    ) -> None:
        super().__init__(split, points)
        at_least("evaluation.num_samples", num_samples, 1)
        names = [statistics] if isinstance(statistics, str) else list(statistics)
        for name in names:
            if name not in STATISTICS:
                known = ", ".join(STATISTICS)
                raise UserError(
                    f"evaluation.statistics must be of {known}, got {name}.{close_match(str(name), STATISTICS)}"
                )
        if not names:
            raise UserError(f"evaluation.statistics must name one of {', '.join(STATISTICS)} or more, got none.")
        self.num_samples, self.statistics = num_samples, tuple(dict.fromkeys(names))
        if self.statistics == (COORDINATES,) and num_samples < ENOUGH:
            raise UserError(
                f"evaluation.num_samples must be at least {ENOUGH} for evaluation.statistics={COORDINATES}, got "
                f"{num_samples}: use {ENOUGH}, or name another statistic, too."
            )

    @torch.no_grad()
    def __call__(self, strategy: Strategy, data: Dataset) -> EvaluationResult:
        checks = self.checks(strategy, data)
        results = Results(self.split)
        for name, check in checks.items():
            p = check.p_value()
            if name == COORDINATES and self.num_samples >= ENOUGH:
                results.add(EXTREME_COORDINATES, float(((p < EXTREME) | (p > 1 - EXTREME)).double().mean()))
            if name == COORDINATES:
                continue
            results.add(p_value(name), float(p))
            results.add(p_value(name).error(), float(check.error()))
            results.add(observed(name), float(check.data))
            results.add(replicated(name), float(check.replicas.mean()))
        shown = {name: check for name, check in checks.items() if name != COORDINATES}
        if sentence := self.verdict(shown):
            logger.warning(sentence)
        pictures = {f"predictive/{self.split}": plots(shown)} if shown else {}
        return results.result(pictures=pictures)

    def checks(self, strategy: Strategy, data: Dataset) -> dict[str, Check]:
        """T of the data and of the replicas, by name; sums over the points are taken batch by batch."""
        model, family, X = strategy.bound.model, strategy.bound.family, data.data_dim

        def of(batch: Batch) -> list[tuple[Totals, Totals]]:
            x = batch.x[:, :X]
            phi = strategy.infer(batch.x, batch.index, self.split).phi
            size = max(1, NUMBERS // max(1, x.numel()))
            parts = []
            for start in range(0, self.num_samples, size):
                drawn = model.observe_like(batch.x, family(phi).sample(min(size, self.num_samples - start)))
                drawn = drawn.where(~x.isnan(), torch.nan)
                parts.append([STATISTICS[name].totals(drawn) for name in self.statistics])
            replicas = [Totals(*map(torch.cat, zip(*some, strict=True))) for some in zip(*parts, strict=True)]
            own = [STATISTICS[name].totals(x.unsqueeze(0)) for name in self.statistics]
            return list(zip(own, replicas, strict=True))

        found = self.over(data, POINTS, of)
        checks = {}
        for place, name in enumerate(self.statistics):
            own, replicas = found[0][place]
            for batch in found[1:]:
                own, replicas = own.plus(batch[place][0]), replicas.plus(batch[place][1])
            reduce = STATISTICS[name].reduce
            checks[name] = Check(reduce(own)[0], reduce(replicas))
        return checks

    def verdict(self, checks: Mapping[str, Check]) -> str:
        """The statistics that the model does not reproduce; empty if there are none, or too few replicas to tell."""
        if self.num_samples < ENOUGH:
            return ""
        odd = {name: check for name, check in checks.items() if not EXTREME <= float(check.p_value()) <= 1 - EXTREME}
        if not odd:
            return ""
        said = [
            f"{name} (data {float(check.data):.4g}, model {float(check.replicas.mean()):.4g} ± "
            f"{float(check.replicas.std() if len(check.replicas) > 1 else 0.0):.2g})"
            for name, check in odd.items()
        ]
        return (
            f"The model does not reproduce the {', '.join(said)} of {self.split}: p < {EXTREME:g} or p > "
            f"{1 - EXTREME:g}; another likelihood (vaerun list model/likelihood) or a longer training may."
        )

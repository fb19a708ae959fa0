"""Simulation-based calibration and coverage: whether the uncertainty of q is right on points drawn from the model."""

import logging
import math
from typing import NamedTuple

import torch
from torch import Tensor

from vaerun.config.ranges import at_least
from vaerun.data.base import Dataset
from vaerun.errors import UserError
from vaerun.evaluation.ais import SIMULATED
from vaerun.evaluation.base import Evaluation, EvaluationResult
from vaerun.evaluation.calibration_plots import plots
from vaerun.evaluation.results import Results
from vaerun.evaluation.uniformity import chi_square_p_value, deviation, kolmogorov_p_value, relative_rank
from vaerun.execution import parallel
from vaerun.metric.metric import Metric
from vaerun.strategy.base import Strategy

logger = logging.getLogger("vaerun")

NUMBERS = 2**22  # samples of z at once
RESAMPLED = 200  # data sets of the bootstrap
RARE = 0.01  # a p-value below which the deviation is not noise
CLEAR = 3.0  # standard errors that name the way in which a rejected q is wrong
CLEAR_OF_ALL = 4.0  # standard errors that reject q by themselves
UNIFORM_SD = 1 / math.sqrt(12)  # of u, and of |2u − 1|

SBC_P_VALUE = Metric(
    "sbc_p_value", "not a bound: p-value of calibrated q, smallest over the latents, times their number", minimum=0.0
)
OVERCONFIDENCE = Metric(
    "overconfidence", "not a bound: above 0 if q is too narrow, below 0 if it is too wide, from -0.5 to 0.5"
)
TARP_DEVIATION = Metric(
    "tarp_deviation", "not a bound: largest difference between expected coverage and credibility", minimum=0.0
)
TARP_P_VALUE = Metric("tarp_p_value", "not a bound: p-value of calibrated q, all latents together", minimum=0.0)


def sbc_p_value(d: int) -> Metric:
    """The p-value of latent ``d`` alone."""
    return Metric(f"sbc_p_value_{d}", f"not a bound: p-value of calibrated q in latent {d}", minimum=0.0)


def coverage(percent: int) -> Metric:
    """The fraction of true z_d in the central interval of q with that probability."""
    return Metric(
        f"coverage_{percent}", f"not a bound: fraction of true z in the central {percent} % interval of q, by latent"
    )


class Ranks(NamedTuple):
    """Of every simulated point, the relative ranks of the true z, each uniform on [0, 1] if q is p(z given x)."""

    by_latent: Tensor  # u, Float[Tensor, "N D"]: of z_d among samples of q
    by_distance: Tensor  # f, Float[Tensor, "N"]: of the distance of z to a random point


class CalibrationEvaluation(Evaluation):
    """z* ~ p(z), x ~ p(x given z*), z_1, …, z_L ~ q(z given x): if q is p(z given x), the rank of z* is uniform.

    The points are drawn from the trained model, so the true z* is known. If the model conditions on c, or values are
    missing, c and the missing places are those of the test points. The result tells whether q is right for data
    of the model; it says nothing about whether the model is right for the data.

    sbc_p_value_d: the p-value of the χ² test that u_d, the relative rank of z*_d among the samples, is uniform.
        sbc_p_value: the smallest of them, times their number D (Bonferroni).
    overconfidence: E|2 u_d − 1| − 1/2, mean over d, with its standard error over points. Above 0, z* is too often at
        the ends of q: q is too narrow. Below 0, q is too wide.
    coverage_50, coverage_90: the fraction of z*_d in the central 50 % or 90 % interval of q, mean over d; 0.5 and 0.9
        if q is right. The standard error is that of a fraction (Agresti, Coull 1998), above 0 also for 0 and 1.
    tarp_deviation: max_a |ECP(a) − a|. The credibility of a point is the probability under q of the ball around a
        random point, drawn from p(z), that has z* on its surface; ECP(a) is the fraction of points with a credibility
        of at most a. Its standard error is that of a bootstrap over points. N calibrated points have about 0.87/√N.
        tarp_p_value: of the Kolmogorov-Smirnov test. It sees all latents together, also a correlation that q misses.

    Ties of discrete z are broken at random. A sentence in the log says in which way q is wrong, if a p-value is below
    0.01. Images: calibration, with histograms of the ranks and the two coverage curves; grey bands hold 95 % of the
    curves of a right q.

    Args:
        points: N, how many pairs (z*, x) are drawn.
        num_samples: L, samples of q for each of them.

    Raises:
        UserError: a number is out of range, or the model does not draw x from the density that it evaluates.

    Reference: Talts, Betancourt, Simpson, Vehtari, Gelman 2018, Validating Bayesian inference algorithms with
    simulation-based calibration; Lemos, Coogan, Hezaveh, Perreault-Levasseur 2023, Sampling-based accuracy testing of
    posterior estimators for general inference (TARP), algorithm 2.
    """

    def __init__(self, points: int = 1000, num_samples: int = 200) -> None:
        at_least("evaluation.points", points, 2)
        at_least("evaluation.num_samples", num_samples, 1)
        self.points, self.num_samples = points, num_samples

    def num_points(self, data: Dataset) -> int:
        return self.points

    @torch.no_grad()
    def __call__(self, strategy: Strategy, data: Dataset) -> EvaluationResult:
        model = strategy.bound.model
        if not model.samples_its_density:
            raise UserError(
                f"evaluation=calibration needs points that are drawn from the density that q approximates, but this "
                f"model has that of {model.target}: use evaluation=predictive or model/likelihood/rate=free."
            )
        ranks = self.ranks(strategy, data)
        u, f = ranks.by_latent.double(), ranks.by_distance.double()
        p_values = [chi_square_p_value(column) for column in u.T]
        ends = (2 * u - 1).abs()
        results = Results(SIMULATED)
        results.add(SBC_P_VALUE, min(1.0, len(p_values) * min(p_values)))
        results.add_mean(OVERCONFIDENCE, ends.mean(1) - 0.5)
        for percent in (50, 90):
            results.add_fraction(coverage(percent), (ends <= percent / 100).double().mean(1))
        results.add(TARP_DEVIATION, float(deviation(f)))
        resampled = f[torch.randint(len(f), (RESAMPLED, len(f)), device=f.device)]
        results.add(TARP_DEVIATION.error(), float(deviation(resampled).std()))
        results.add(TARP_P_VALUE, kolmogorov_p_value(float(deviation(f)), len(f)))
        for d, p_value in enumerate(p_values):
            results.add(sbc_p_value(d), p_value)
        if sentence := verdict(u, p_values, results.metrics[f"{TARP_P_VALUE.name}/{SIMULATED}"]):
            logger.warning(sentence)
        points = {"tarp_credibility": f.float(), OVERCONFIDENCE.name: (ends.mean(1) - 0.5).float()}
        return results.result(points, {f"calibration/{SIMULATED}": plots(u.cpu(), f.cpu(), p_values)})

    def ranks(self, strategy: Strategy, data: Dataset) -> Ranks:
        """The ranks of all points; processes divide them.

        What the model conditions on, and which values are missing, are those of test points, one after the other.
        """
        model, family = strategy.bound.model, strategy.bound.family
        like = given = None
        if model.given_dim or model.missing:
            like = data.test.points(torch.arange(self.points, device=data.test.x.device) % len(data.test))
            given = model.given(like)
        z, centre = model.sample_prior(self.points, given), model.sample_prior(self.points, given)
        values = model.observe(z, given)
        if like is not None and model.missing:
            values = values.masked_fill(model.values(like).isnan(), math.nan)
        x = model.row(values, given)
        unit = z.std(0).clamp_min(1e-6)

        def of(part: tuple[Tensor, Tensor, Tensor]) -> Ranks:
            true, points, around = part
            samples = family(strategy.infer(points).phi).sample(self.num_samples)
            distance = ((samples - around) / unit).square().sum(-1)
            return Ranks(
                relative_rank(true, samples),
                relative_rank(((true - around) / unit).square().sum(-1), distance),
            )

        own = slice(parallel.rows(len(z)).start, parallel.rows(len(z)).stop)
        size = max(1, NUMBERS // (self.num_samples * z.shape[1]))
        parts = zip(*(whole[own].split(size) for whole in (z, x, centre)), strict=True)
        found = parallel.share(parts, of, z.device)
        return Ranks(*(torch.cat(columns) for columns in zip(*found, strict=True)))


def of_all(u: Tensor) -> str:
    """Whether q is too narrow or too wide over all latents; empty if that can be noise."""
    each = (2 * u - 1).abs().mean(1) - 0.5
    mean, error = float(each.mean()), float(each.std()) / math.sqrt(len(u))
    if abs(mean) < CLEAR_OF_ALL * error:
        return ""
    return (
        f"q is {'over' if mean > 0 else 'under'}-confident over all latents, which is too "
        f"{'narrow' if mean > 0 else 'wide'} (overconfidence {mean:.3f} ± {error:.3f}): look at evaluation=gap, which "
        "tells an error of the family from one of the inference."
    )


def verdict(u: Tensor, p_values: list[float], joint: float) -> str:
    """In which way q is wrong; empty if what was seen can be noise.

    Args:
        u: relative ranks, Float[Tensor, "N D"].
        p_values: of each latent.
        joint: the p-value of all latents together.
    """
    worst = min(range(len(p_values)), key=p_values.__getitem__)
    if len(p_values) * p_values[worst] >= RARE:
        if joint >= RARE:
            return of_all(u)
        return (
            f"q is not calibrated: each latent alone is, but not all together (tarp_p_value {joint:.1g}), as for a q "
            "that misses correlations of the posterior: look at evaluation=gap, which tells an error of the family "
            "from one of the inference."
        )
    error = UNIFORM_SD / math.sqrt(len(u))
    ends = (2 * u[:, worst] - 1).abs()
    spread, shift = float(ends.mean() - 0.5) / error, float(u[:, worst].mean() - 0.5) / error
    if abs(spread) >= max(CLEAR, abs(shift)):
        way = "over-confident, which is too narrow" if spread > 0 else "under-confident, which is too wide"
    elif abs(shift) >= CLEAR:
        way = "shifted to values that are too " + ("low" if shift > 0 else "high")
    else:
        way = "of another shape than the posterior"
    return (
        f"q is not calibrated: in latent {worst} it is {way} (sbc_p_value_{worst} {p_values[worst]:.1g}); its central "
        f"90 % interval holds the true z of {100 * float((ends <= 0.9).double().mean()):.0f} % of {len(u):,} points "
        "drawn from the model: look at evaluation=gap, which tells an error of the family from one of the inference."
    )

"""tr Cov[g], ‖E[g]‖/√tr Cov[g] and ‖E[g] − ∇L‖/‖∇L‖ of gradient estimators g at the same parameters and points."""

import logging
import math
import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from vaerun.bound.bound import Bound
from vaerun.config.ranges import at_least
from vaerun.data.base import Dataset, SplitName
from vaerun.errors import UserError
from vaerun.estimator.enumerate import Enumerate
from vaerun.evaluation.base import OWN, EvaluationResult, Named
from vaerun.evaluation.gradient_draw import GradientSetting, as_it_was, gradient_setting
from vaerun.evaluation.gradient_moments import GROUPS, Replicated, replicate
from vaerun.evaluation.over_points import OverPoints
from vaerun.evaluation.results import Results
from vaerun.execution.random_state import isolated
from vaerun.metric.metric import Chart, Metric
from vaerun.notation import Batch
from vaerun.strategy.base import MakeOptimizer, Strategy

logger = logging.getLogger("vaerun")

POINTS = 1024  # φ inferred at once
ROUNDING = 100  # times the precision of a number: noise below that, relative to the signal, is rounding
CATEGORY = "Gradient estimators, from evaluation=gradient"
GRADIENT_VARIANCE = Metric(
    "gradient_variance",
    "not a bound: tr Cov of the gradient",
    better="lower",
    chart=Chart(CATEGORY, "tr Cov of the gradient"),
)
GRADIENT_SNR = Metric(
    "gradient_snr",
    "not a bound: norm of the mean gradient / √(tr Cov)",
    better="higher",
    title="gradient SNR",
    chart=Chart(CATEGORY, "signal-to-noise ratio of the gradient"),
    order=600,
)
GRADIENT_BIAS = Metric(
    "gradient_bias", "not a bound: norm of the bias / norm of the exact gradient", better="lower", minimum=0
)
GRADIENT_BIAS_SE = Metric("gradient_bias_se", "not a bound: the smallest bias that so many draws can show")
GRADIENT_DECODES = Metric("gradient_decodes", "not a bound: decoder evaluations of a draw, per point", better="lower")


class GradientEvaluation(OverPoints):
    """gradient_variance = tr Cov[g] = Σ_j Var[g_j] and gradient_snr = ‖E[g]‖/√tr Cov[g], g = ∇ mean_i L(x_i; θ, φ_i).

    Every estimator is sampled R times at the present parameters and at the same points. The run is not changed, also
    if it is evaluated during training. Metrics are reported by parameter group:

    NAME_theta: θ, the gradient of the MEAN over the points, so variance falls as one over their number.
    NAME_lam: λ, likewise: the weights of the encoder if φ = f_λ(x) without further steps, and those of the family.
    NAME_phi: φ, one gradient for every point; tr Cov and ‖E‖² are averaged over the points.

    gradient_variance: unbiased, with the standard error of R replicas (gradient_variance_se).
    gradient_snr: with ‖ḡ‖² − tr Cov/R in place of ‖ḡ‖², because the noise of R replicas adds tr Cov/R; 0 where that
        is negative. Left out where the gradient has no noise, as by enumeration. The paper takes the ratio of each
        coordinate; both grow as √(MK) for θ, M points and K samples, and as √(M/K) for the inference gradient.
    gradient_bias: √(‖ḡ − ∇L‖² − tr Cov/R)/‖∇L‖, where z has few values and the objective averages the rewards, so that
        ∇L is a sum over all of them. gradient_bias_se is the root of the standard error of the difference under
        the root, the smallest bias that R replicas can show: an unbiased estimator stays below twice that.
    gradient_decodes: decoder evaluations of a draw, per point. Variance times decodes compares at equal cost.

    An estimator that is not the run's own starts untrained, and learns its own parameters (a baseline, η, a
    temperature, a network) from ``warm_up`` draws at these points and parameters before it is measured. A
    scheduled temperature stays at its first value. L is at KL weight 1, as in every evaluation.

    Args:
        bound: the run's.
        optimizer: makes the optimiser of the other estimators' own parameters.
        split: train, valid or test.
        points: how many points of it, evenly spread, the gradient is the mean over; null for all.
        estimators: the run's own with its learned weights, and others; in a configuration ``own``, or options of
            estimator, after a slash those of a group inside it, and further words: [own, disarm, score/leave_one_out,
            "rebar estimator.eta=0.5"]. None for the run's own alone.
        replicas: R.
        warm_up: draws that the other estimators are trained on.

    Raises:
        UserError: the split does not exist, a number is out of range, or an estimator is unknown, named twice, or not
            valid for the run's posterior and objective.

    Reference: Rainforth et al. 2018, Tighter variational bounds are not necessarily better (signal-to-noise ratio).
    """

    takes: ClassVar[Mapping[str, str]] = {"estimators": "estimator"}

    def __init__(
        self,
        *,
        bound: Bound,
        optimizer: MakeOptimizer,
        split: SplitName = "train",
        points: int | None = 100,
        estimators: Named | Sequence[Named] | None = None,
        replicas: int = 200,
        warm_up: int = 100,
    ) -> None:
        super().__init__(split, points)
        at_least("evaluation.replicas", replicas, 2 * GROUPS)
        at_least("evaluation.warm_up", warm_up, 0)
        self.replicas, self.warm_up, self.optimizer = replicas, warm_up, optimizer
        self.bounds: dict[str, Bound] = {}
        entries = [estimators] if isinstance(estimators, Named) else estimators
        for entry in entries or (Named(OWN, bound.estimator),):
            name = tag_name(entry.words)
            if name in self.bounds:
                raise UserError(f"evaluation.estimators must name each estimator once, got {entry.words!r} twice.")
            self.bounds[name] = bound if name == OWN else with_estimator(bound, entry)

    def __call__(self, strategy: Strategy, data: Dataset) -> EvaluationResult:
        results = Results(self.split)
        points: dict[str, Tensor] = {}
        with as_it_was(strategy):

            def phi_of(batch: Batch) -> tuple[Tensor, Tensor]:
                return batch.x, strategy.infer(batch.x, batch.index, self.split).phi

            setting = gradient_setting(strategy, self.over(data, POINTS, phi_of))
            exact = exact_gradients(setting, strategy.bound)
            seeds = torch.randint(2**62, (2,)).tolist()
            for name, bound in self.bounds.items():
                found = self.replicas_of(setting, name, exact, seeds)
                if not all(bool(one.noise.isfinite().all()) for one in found.values()):
                    logger.warning(f"The gradient by {name} is not finite, so it has no metrics.")
                    continue
                for group, one in found.items():
                    summarise(results, f"{name}_{group}", one, exact.get(group), torch.finfo(setting.x.dtype).eps)
                results.add(GRADIENT_DECODES, float(bound.decodes), of=name)
                points[f"gradient_variance_{name}_phi"] = found["phi"].moments.noise()
        return results.result(points)

    def replicas_of(
        self, setting: GradientSetting, name: str, exact: Mapping[str, Tensor], seeds: Sequence[int]
    ) -> dict[str, Replicated]:
        """Moments of R draws of one estimator, which is left unchanged; they do not depend on the other estimators.

        Args:
            setting: the points and parameters.
            name: of the estimator.
            exact: what its mean should be.
            seeds: of the draws that it learns from, and of those that are measured, which must be others.
        """
        bound = self.bounds[name]
        with as_it_was(bound.estimator):
            if name != OWN:
                with isolated(seeds[0], setting.x.device):
                    setting.warm_up(bound, self.warm_up, self.optimizer)
            with isolated(seeds[1], setting.x.device):
                return replicate(lambda: setting.gradients(bound), self.replicas, exact)


def tag_name(entry: str) -> str:
    """Words as part of a tag: score/leave_one_out ↦ score_leave_one_out, "rebar estimator.eta=0.5" ↦ rebar_eta_0.5.

    An option is written without its group, and a value with the last word of its key.
    """
    option, *words = entry.split() or [""]
    parts = [option]
    for word in words:
        key, _, value = word.partition("=")
        parts.append(value if "/" in key else f"{key.rpartition('.')[2]}_{value}")
    return re.sub(r"(?:[^\w.-]|_)+", "_", "_".join(parts)).strip("_")


def with_estimator(bound: Bound, entry: Named) -> Bound:
    """The same bound by another estimator, in evaluation mode.

    Raises:
        UserError: the estimator is not valid here.
    """
    try:
        return Bound(model=bound.model, family=bound.family, objective=bound.objective, estimator=entry.part.eval())
    except UserError as refusal:
        raise UserError(f"evaluation.estimators has {entry.words!r}, to be left out here: {refusal}") from None


def exact_gradients(setting: GradientSetting, bound: Bound) -> Mapping[str, Tensor]:
    """The exact gradients as sums over all values of z, by parameter group; empty if this is not possible."""
    try:
        enumerated = Bound(
            model=bound.model, family=bound.family, objective=bound.objective, estimator=Enumerate().eval()
        )
    except UserError:
        return {}
    return setting.gradients(enumerated)


def summarise(results: Results, name: str, found: Replicated, exact: Tensor | None, eps: float) -> None:
    """Adds the metrics of one estimator and parameter group to the results, under its ``name``."""
    moments = found.moments
    noise, signal = float(moments.noise().mean()), float(moments.signal().mean())
    noise_se = float(found.noise.std()) / math.sqrt(GROUPS)
    results.add(GRADIENT_VARIANCE, noise, of=name)
    results.add(GRADIENT_VARIANCE.error(), noise_se, of=name)
    if noise > (ROUNDING * eps) ** 2 * signal and noise > 0:
        low = max(signal, 0.0)
        snr = math.sqrt(low / noise)
        # One standard error up, since the root of a signal near zero has no slope to carry it.
        rise = math.sqrt((low + found.signal_error) / noise) - snr
        results.add(GRADIENT_SNR, snr, of=name)
        results.add(GRADIENT_SNR.error(), math.hypot(rise, snr * noise_se / (2 * noise)), of=name)
    if exact is not None and exact.any():
        scale = float(exact.square().sum(1).mean())
        bias = math.sqrt(max(float(moments.signal(exact).mean()), 0.0) / scale)
        results.add(GRADIENT_BIAS, bias, of=name)
        results.add(GRADIENT_BIAS_SE, math.sqrt(found.bias_error / scale), of=name)

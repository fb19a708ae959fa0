"""mean_i L(x_i; θ, φ_i) at one θ with φ found in several ways: one row of the matrix training × inference method."""

import copy
import logging
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from vaerun.amortizer.base import Amortizer
from vaerun.bound.bound import Bound
from vaerun.bound.lowest_variance import lowest_variance_elbo
from vaerun.bound.monte_carlo import ELBO, LOWER
from vaerun.config.ranges import above, at_least
from vaerun.data.base import Dataset, SplitName
from vaerun.errors import UserError, counted
from vaerun.evaluation.ascent import ascend, best, elbo, pick
from vaerun.evaluation.base import EvaluationResult
from vaerun.evaluation.fitted import fit
from vaerun.evaluation.over_points import OverPoints
from vaerun.evaluation.results import Results
from vaerun.execution.memory import keep_freed_memory
from vaerun.local.optimizer.adam import LocalAdam
from vaerun.metric.metric import Metric
from vaerun.notation import Batch
from vaerun.strategy.base import MakeOptimizer, Strategy

logger = logging.getLogger("vaerun")

POINTS = 1024  # φ found at once


def elbo_by(method: str, meaning: str, title: str = "") -> Metric:
    """elbo_METHOD: the ELBO with φ from one inference method."""
    return Metric(f"elbo_{method}", f"{LOWER}, {meaning}", "nat", "higher", "lower", title)


ENCODER = elbo_by("encoder", "by the run's own encoder", "ELBO, own encoder")
FITTED_ENCODER = elbo_by("fitted_encoder", "by an encoder fitted at fixed θ", "ELBO, fitted encoder")
COORDINATE = elbo_by("coordinate", "by ascents to convergence", "ELBO, ascent")
CONVERGED = Metric("coordinate_converged", "not a bound: fraction of the points whose ascent converged")


def refined(steps: int) -> Metric:
    """elbo_refined_T."""
    return elbo_by(f"refined_{steps}", f"after at most {steps} steps of ascent")


def lost(column: Metric) -> Metric:
    """elbo_coordinate minus a column."""
    name = column.name.replace("elbo", "lost")
    return Metric(name, f"difference: {COORDINATE.name} − {column.name}", "nat", "lower")


class CrossEvaluation(OverPoints):
    """elbo_METHOD = mean_i E_q[log p_θ(x_i, z) − log q(z; φ_i)] at θ as trained, φ_i found by METHOD.

    A run's metrics are one row of a matrix; ``vaerun eval RUN1 RUN2 … evaluation=cross`` fills it. Each column uses one
    inference method on every run, so differences in a column come from θ. Each row uses one run, so differences in a
    row come from q. All are lower bounds on mean_i log p_θ(x_i) in expectation, in nats per datum, over the same points
    and, in a row, with the same noise. If the likelihood is not a density, the names begin with ``pseudo_``.

    elbo: φ from the run's own strategy.
    elbo_encoder: φ = f_λ(x) from the run's own encoder, without later steps of the strategy. Only for runs with an
        encoder.
    elbo_fitted_encoder: φ = f_λ(x) from a new encoder, fitted to the training points at fixed θ until the validation
        bound no longer rises. It is fitted in the same way for every run, also if the run has an encoder, so it
        measures amortized inference at this θ. Shared weights of q stay as trained.
    elbo_refined_T: φ after at most T ascent steps from the fitted encoder's φ, or from the run's own encoder if none is
        fitted. If the steps have lowered the bound, which is tested on separate draws, the encoder's φ is kept.
    elbo_coordinate: φ* after ascents to convergence from the family's initial φ and from the best φ of the other
        columns; the better result of each point is chosen on separate draws. It hardly depends on an encoder, so it
        measures the family at this θ.
    lost, lost_encoder, …: elbo_coordinate minus that column: the loss of that inference method at this θ. The standard
        error is that of the differences of each point. Not a bound.
    coordinate_converged: the fraction of points with less than 0.05 nat left to gain at the end of the ascent, as the
        ascent itself estimates it. Not a bound. If it is below 1, a warning advises more steps.

    Every φ found here maximises the ELBO at KL weight 1, whatever objective was trained. θ, λ and Φ do not change.

    Args:
        amortizer: f_λ with initial weights; a copy of it is fitted.
        optimizer: makes the optimiser that fits it.
        split: train, valid or test.
        points: how many points of the split, evenly spread over it; null for all.
        num_samples: K, draws for each point and metric.
        steps: T.
        learning_rate: of the T steps.
        max_steps: the limit of the ascents to convergence.
        encoder_epochs: the limit of the fit; 0 leaves the fitted encoder out.

    Raises:
        UserError: the split does not exist, or a number is out of range.

    Reference: Cremer, Li, Duvenaud 2018, Inference suboptimality in variational autoencoders (an encoder's q against
    the best q of its family, the decoder fixed).
    """

    def __init__(
        self,
        *,
        amortizer: Amortizer,
        optimizer: MakeOptimizer,
        split: SplitName = "test",
        points: int | None = 1000,
        num_samples: int = 100,
        steps: int = 20,
        learning_rate: float = 0.03,
        max_steps: int = 1000,
        encoder_epochs: int = 300,
    ) -> None:
        super().__init__(split, points)
        at_least("evaluation.num_samples", num_samples, 1)
        at_least("evaluation.steps", steps, 1)
        at_least("evaluation.max_steps", max_steps, 1)
        at_least("evaluation.encoder_epochs", encoder_epochs, 0)
        above("evaluation.learning_rate", learning_rate, 0)
        self.amortizer, self.fresh, self.optimizer = amortizer, copy.deepcopy(amortizer), optimizer
        self.num_samples, self.steps, self.learning_rate = num_samples, steps, learning_rate
        self.local = LocalAdam(learning_rate=learning_rate)
        self.max_steps, self.encoder_epochs = max_steps, encoder_epochs

    @torch.no_grad()
    def __call__(self, strategy: Strategy, data: Dataset) -> EvaluationResult:
        keep_freed_memory()
        bound = lowest_variance_elbo(strategy.bound)
        encoders = self.encoders(strategy, data)
        columns: dict[Metric, list[Tensor]] = {}
        converged = []

        def values_of(batch: Batch) -> tuple[dict[Metric, Tensor], Tensor]:
            found = self.guesses(strategy, bound, batch, encoders)
            found[COORDINATE], stopped = self.coordinate(bound, batch.x, list(found.values()))
            seed = int(torch.randint(2**62, ()))
            return {c: elbo(bound, batch.x, phi, self.num_samples, seed) for c, phi in found.items()}, stopped

        for values, stopped in self.over(data, POINTS, values_of):
            converged.append(stopped)
            for column, each in values.items():
                columns.setdefault(column, []).append(each)
        elbos = {column: torch.cat(values) for column, values in columns.items()}
        return self.result(bound, elbos, torch.cat(converged))

    def result(self, bound: Bound, elbos: Mapping[Metric, Tensor], converged: Tensor) -> EvaluationResult:
        """The metrics of the ELBOs of every point, each Float[Tensor, "N"], by column."""
        results = Results(self.split)
        for column, values in elbos.items():
            results.add_mean(bound.metric(column), values)
        for column, values in elbos.items():
            if column != COORDINATE:
                results.add_mean(lost(column), elbos[COORDINATE] - values)
        results.add(CONVERGED, float(converged.double().mean()))
        if not converged.all():
            logger.warning(
                f"{int((~converged).sum()):,} of {len(converged):,} points had not converged after "
                f"{counted(self.max_steps, 'step')}, so that {bound.metric(COORDINATE).name} lies below the best "
                f"of the family: use evaluation.max_steps={3 * self.max_steps}."
            )
        points = {bound.metric(column).name: values for column, values in elbos.items()}
        return results.result({**points, CONVERGED.name: converged})

    def encoders(self, strategy: Strategy, data: Dataset) -> dict[Metric, Amortizer]:
        """The run's own encoder, if it has one, and a fitted one, by column."""
        found: dict[Metric, Amortizer] = {}
        if any(module is self.amortizer for module in strategy.modules()):
            found[ENCODER] = self.amortizer
        if self.encoder_epochs > 0 and data.new is not None:
            raise UserError(
                f"evaluation=cross fits an encoder on the training points, which {data.name} does not hold: use "
                "evaluation.encoder_epochs=0."
            )
        if self.encoder_epochs > 0:
            bound = lowest_variance_elbo(strategy.bound, num_samples=2)
            fitted = fit(bound, self.fresh, self.optimizer, data, self.encoder_epochs)
            if not fitted.converged:
                logger.warning(
                    f"The fitted encoder had not converged after {counted(self.encoder_epochs, 'epoch')}, so that a "
                    "longer fit may raise elbo_fitted_encoder: use "
                    f"evaluation.encoder_epochs={3 * self.encoder_epochs}."
                )
            found[FITTED_ENCODER] = fitted.amortizer
        return found

    def guesses(
        self, strategy: Strategy, bound: Bound, batch: Batch, encoders: Mapping[Metric, Amortizer]
    ) -> dict[Metric, Tensor]:
        """φ of the strategy, of encoders, and T steps after the last of these, by column, each Float[Tensor, "B P"]."""
        # Validation may have stored a φ_i of a held-out point: without its index the point is a new one.
        index = batch.index if self.split == "train" else None
        found = {ELBO: strategy.infer(batch.x, index, self.split).phi}
        found |= {column: encoder(batch.x) for column, encoder in encoders.items()}
        if encoders:
            start = found[list(encoders)[-1]]
            ascent = ascend(bound, batch.x, start, self.steps, optimizer=self.local)
            # If the steps have lowered the bound because of noise, the encoder's φ is kept.
            ends = [start, ascent.phi]
            found[refined(self.steps)] = pick(ends, best(bound, batch.x, ends))
        return found

    def coordinate(self, bound: Bound, x: Tensor, known: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """φ* of every point, Float[Tensor, "B P"], and whether < 0.05 nat is left to gain, Bool[Tensor, "B"]."""
        guess = pick(known, best(bound, x, known))
        prior, near = (
            ascend(bound, x, phi, self.max_steps) for phi in (bound.family.initial().to(x).expand(len(x), -1), guess)
        )
        candidates = [prior.phi, near.phi, guess]  # with the start, because a noisy ascent can end below it
        places = best(bound, x, candidates)
        return pick(candidates, places), pick([prior.converged, near.converged, near.converged], places)

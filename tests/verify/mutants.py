"""Estimators with one planted error each, and what ``vaerun verify`` must say of it."""

from typing import ClassVar

import torch
from torch import Tensor

from vaerun.estimator.base import Estimator, estimate, evaluate
from vaerun.estimator.baseline.base import Baseline
from vaerun.estimator.reparam import Reparam
from vaerun.estimator.score import Score
from vaerun.model.base import Model
from vaerun.notation import Estimate, Terms
from vaerun.objective.base import Objective
from vaerun.posterior.base import Family, Posterior, Reparameterized


class FlippedSign(Score):
    """The score term's sign."""

    caught_by: ClassVar[str] = "∇φ unbiased"

    def __init__(self) -> None:
        super().__init__(Nothing())

    def forward(self, q: Posterior, model: Model, objective: Objective, x: Tensor) -> Estimate:
        right = super().forward(q, model, objective, x)
        return right._replace(surrogate=2 * right.value - right.surrogate)


class Nothing(Baseline):
    """b = 0."""

    def forward(self, r: Tensor, objective: Objective, x: Tensor, q: Posterior, z: Tensor) -> Tensor:
        return r.new_zeros(())


class SeesItself(Baseline):
    """b_k = mean of all credits, its own sample's among them."""

    def forward(self, r: Tensor, objective: Objective, x: Tensor, q: Posterior, z: Tensor) -> Tensor:
        return objective.credit(r).mean(0)


class SeesTheBatch(Baseline):
    """b = mean of all points' credits, present ones."""

    def forward(self, r: Tensor, objective: Objective, x: Tensor, q: Posterior, z: Tensor) -> Tensor:
        return objective.credit(r).mean()


class OwnSampleInBaseline(Score):
    """The baseline is not independent of its sample."""

    caught_by: ClassVar[str] = "∇φ unbiased"

    def __init__(self) -> None:
        super().__init__(SeesItself())


class BatchInBaseline(Score):
    """The baseline is one of the whole batch: the error is O(1/B), so a test of large batches does not see it."""

    caught_by: ClassVar[str] = "points apart"

    def __init__(self) -> None:
        super().__init__(SeesTheBatch())


class Written(Estimator):
    """The score function, or the reparameterized gradient, written out, for a mutant to change a word of it."""

    def forward(self, q: Posterior, model: Model, objective: Objective, x: Tensor) -> Estimate:
        z = q.sample(objective.num_samples)
        log_q = q.log_prob(z)
        terms = evaluate(model, x, z, self.inside(log_q))
        r = objective.reward(terms)
        detached = r.detach()
        advantage = objective.credit(detached) - self.direct(objective, detached)
        return estimate(objective(r), objective(r) + (advantage * log_q).sum(0), terms)

    def inside(self, log_q: Tensor) -> Tensor:
        return log_q.detach()

    def direct(self, objective: Objective, r: Tensor) -> Tensor:
        return objective.beta() * objective.score_weight(r)


class AttachedLogQ(Written):
    """log q is not detached inside r: its own gradient comes in, which has mean zero on the ELBO alone."""

    caught_by: ClassVar[str] = "∇φ unbiased"

    def inside(self, log_q: Tensor) -> Tensor:
        return log_q


class NoDirectTerm(Written):
    """The term in a_k is left out."""

    caught_by: ClassVar[str] = "∇φ unbiased"

    def direct(self, objective: Objective, r: Tensor) -> Tensor:
        return torch.zeros_like(r)


class DirectTermWithoutBeta(Written):
    """a_k instead of β a_k."""

    caught_by: ClassVar[str] = "∇φ unbiased"

    def direct(self, objective: Objective, r: Tensor) -> Tensor:
        return objective.score_weight(r)


class Path(Reparam):
    """The reparameterized gradient, for a mutant to change what comes of it."""

    def terms(self, q: Posterior, model: Model, objective: Objective, x: Tensor) -> Terms:
        assert isinstance(q, Reparameterized)
        z, log_q = q.transport(q.noise(objective.num_samples))
        return evaluate(model, x, z, log_q)


class MissingOneOverK(Path):
    """The sum over the samples instead of their mean."""

    caught_by: ClassVar[str] = "∇φ unbiased"

    def forward(self, q: Posterior, model: Model, objective: Objective, x: Tensor) -> Estimate:  # type: ignore[override]
        right = super().forward(q, model, objective, x)  # type: ignore[arg-type]
        return right._replace(surrogate=objective.num_samples * right.surrogate)


class BetaDropped(Path):
    """The reward at β = 1 whatever it is."""

    caught_by: ClassVar[str] = "metrics unbiased"

    def forward(self, q: Posterior, model: Model, objective: Objective, x: Tensor) -> Estimate:  # type: ignore[override]
        terms = self.terms(q, model, objective, x)
        value = objective(terms.log_likelihood + terms.log_prior - terms.log_q)
        return estimate(value, value, terms)


class FrozenDecoder(Path):
    """θ's gradient is lost."""

    caught_by: ClassVar[str] = "∇θ unbiased"

    def forward(self, q: Posterior, model: Model, objective: Objective, x: Tensor) -> Estimate:  # type: ignore[override]
        weights = [weight for weight in model.parameters() if weight.requires_grad]
        for weight in weights:
            weight.requires_grad_(False)
        right = super().forward(q, model, objective, x)  # type: ignore[arg-type]
        for weight in weights:
            weight.requires_grad_()
        return right


class DoubledDecodes(Path):
    """Announces one decoder evaluation where there are K."""

    caught_by: ClassVar[str] = "decodes counted"

    def decodes(self, num_samples: int, family: Family) -> int:
        return 2 * num_samples


class AttachedValue(Path):
    """A figure that carries a gradient."""

    caught_by: ClassVar[str] = "no gradient leaks"

    def forward(self, q: Posterior, model: Model, objective: Objective, x: Tensor) -> Estimate:  # type: ignore[override]
        right = super().forward(q, model, objective, x)  # type: ignore[arg-type]
        return right._replace(value=right.surrogate)


class LeakingLoss(Path):
    """A loss of the estimator's own that moves φ."""

    caught_by: ClassVar[str] = "no gradient leaks"

    def forward(self, q: Posterior, model: Model, objective: Objective, x: Tensor) -> Estimate:  # type: ignore[override]
        right = super().forward(q, model, objective, x)  # type: ignore[arg-type]
        return right._replace(auxiliary=right.surrogate.square().mean())


class WeightedKL(Path):
    """The KL as it is weighted, where at weight 1 it is asked for."""

    caught_by: ClassVar[str] = "metrics unbiased"

    def forward(self, q: Posterior, model: Model, objective: Objective, x: Tensor) -> Estimate:  # type: ignore[override]
        right = super().forward(q, model, objective, x)  # type: ignore[arg-type]
        return right._replace(kl=objective.beta() * right.kl)


class SlightlyShort(Path):
    """A gradient 4 % too short in φ: small, but no chance."""

    caught_by: ClassVar[str] = "∇φ unbiased"

    def forward(self, q: Posterior, model: Model, objective: Objective, x: Tensor) -> Estimate:  # type: ignore[override]
        right = super().forward(q, model, objective, x)  # type: ignore[arg-type]
        right.surrogate.register_hook(lambda gradient: 0.96 * gradient)
        return right


class OtherAscent(Path):
    """The gradient of an ascent in φ points down."""

    caught_by: ClassVar[str] = "phi_surrogate has the same ∇φ"

    def phi_surrogate(self, q: Posterior, model: Model, objective: Objective, x: Tensor) -> Tensor:  # type: ignore[override]
        return -self(q, model, objective, x).surrogate  # type: ignore[no-any-return]


class FalseModesty(Path):
    """Claims to be biased, and is not."""

    unbiased: ClassVar[bool] = False
    caught_by: ClassVar[str] = "∇φ biased"


class Stumbles(Path):
    """Cannot be run."""

    caught_by: ClassVar[str] = "runs"

    def forward(self, q: Posterior, model: Model, objective: Objective, x: Tensor) -> Estimate:  # type: ignore[override]
        raise TypeError("K is no number")


MUTANTS = (
    FlippedSign,
    OwnSampleInBaseline,
    BatchInBaseline,
    AttachedLogQ,
    NoDirectTerm,
    DirectTermWithoutBeta,
    MissingOneOverK,
    BetaDropped,
    FrozenDecoder,
    DoubledDecodes,
    AttachedValue,
    LeakingLoss,
    WeightedKL,
    SlightlyShort,
    OtherAscent,
    FalseModesty,
    Stumbles,
)
RIGHT = (Written, Path)  # the same without an error

"""E_q[log p_θ(x, z) − log q(z; φ)] with the lowest-variance gradient in φ that q supports, for inference of φ."""

from collections.abc import Callable, Sequence

from vaerun.bound.bound import Bound
from vaerun.config.ranges import at_least
from vaerun.errors import UserError
from vaerun.estimator.base import Estimator
from vaerun.estimator.baseline.leave_one_out import LeaveOneOut
from vaerun.estimator.disarm import DisARM
from vaerun.estimator.doubly_reparam import DoublyReparam
from vaerun.estimator.enumerate import Enumerate
from vaerun.estimator.reparam import Reparam
from vaerun.estimator.score import Score
from vaerun.estimator.stratified import StratifiedReparam
from vaerun.objective.elbo import ELBO
from vaerun.posterior.base import ClosedFormMean, Family, Posterior
from vaerun.schedule.constant import Constant

ESTIMATORS: Sequence[tuple[type[Posterior], Callable[[], Estimator]]] = (
    (Posterior, Enumerate),
    (Posterior, StratifiedReparam),
    # Its variance is almost 0 near p(z given x), but it needs log q at a given z, which for a flow is the inverse map.
    (ClosedFormMean, DoublyReparam),
    (Posterior, Reparam),
    (Posterior, DisARM),
    (Posterior, lambda: Score(baseline=LeaveOneOut())),
)
"""Unbiased estimators of ∇ELBO, lowest variance first, each with the class of q for which it is efficient.

An estimator also declares what it needs of q; the last one works for every q.
"""

COSTLY = 16  # an estimator with more than 16 times the decoder evaluations of K samples is not used


def lowest_variance_elbo(bound: Bound, *, family: Family | None = None, num_samples: int = 16) -> Bound:
    """E_q[log p_θ(x, z) − log q(z; φ)] at KL weight 1, with the lowest-variance estimator that q supports.

    It does not depend on the objective (importance-weighted, KL weight, free bits) or estimator of training, so that φ
    is found in the same way for every run.

    Args:
        bound: its model and family are used, not copied.
        family: another family in place of the bound's own.
        num_samples: K of one gradient, 2 or more.

    Raises:
        UserError: K < 2, which the leave-one-out baseline needs; or q and prior have different one-hot blocks.
    """
    at_least("num_samples", num_samples, 2)
    family = bound.family if family is None else family
    device = next(bound.model.parameters()).device
    if (family, num_samples, bound.engine) in bound.derived:  # the same one, whose programs an engine may have compiled
        return bound.derived[family, num_samples, bound.engine].to(device).train(bound.training)
    refusal = UserError("no estimator")
    for efficient_for, make in ESTIMATORS:
        if not issubclass(family.posterior, efficient_for):
            continue
        objective = ELBO(num_samples=num_samples, kl_weight=Constant(1.0))
        try:
            made = Bound(
                model=bound.model,
                family=family,
                objective=objective,
                estimator=make(),
                engine=bound.engine.unrounded,
            )
        except UserError as error:  # q lacks a capability that the estimator needs
            refusal = error
            continue
        if made.decodes <= COSTLY * num_samples:
            bound.derived[family, num_samples, bound.engine] = made
            return made.to(device).train(bound.training)
    raise refusal  # even the score function was refused: q and prior do not fit

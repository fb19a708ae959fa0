"""E_q[log p_θ(x, z) − log q(z; φ)] with the least noise in φ that q allows: the bound that figures are sought on."""

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
    # Near p(z given x) it is almost without noise, but asks for log q at a given z: of a flow, the inverse.
    (ClosedFormMean, DoublyReparam),
    (Posterior, Reparam),
    (Posterior, DisARM),
    (Posterior, lambda: Score(baseline=LeaveOneOut())),
)
"""Estimators of the ELBO's gradient, all unbiased, those of less variance first, and the q for which they pay.

What an estimator needs of q it says itself; the last serves every q.
"""

COSTLY = 16  # times the decoder evaluations of K samples: what no reduction of variance is worth


def lowest_variance_elbo(bound: Bound, *, family: Family | None = None, num_samples: int = 16) -> Bound:
    """E_q[log p_θ(x, z) − log q(z; φ)] at KL weight 1 over the same θ, with the best estimator that q allows.

    What was trained (an importance-weighted bound, a KL weight, free bits; by whatever estimator) has no part in it, so
    that a φ sought for a figure is sought in the same way for every run.

    Args:
        bound: whose model and family are taken, not copied.
        family: of another q, in place of the bound's own.
        num_samples: K, 2 or more: of a step, not of a figure.

    Raises:
        UserError: K < 2, of which the last resort, leave-one-out, has need; or q and prior are over other blocks.
    """
    at_least("num_samples", num_samples, 2)
    family = bound.family if family is None else family
    device = next(bound.model.parameters()).device
    refusal = UserError("no estimator")
    for pays, make in ESTIMATORS:
        if not issubclass(family.posterior, pays):
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
        except UserError as error:  # the estimator asks more of q than it has
            refusal = error
            continue
        if made.decodes <= COSTLY * num_samples:
            return made.to(device).train(bound.training)
    raise refusal  # even the score function, which serves every q: q and prior do not fit

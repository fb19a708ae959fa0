"""φ = f_λ(x): m steps of λ at fixed θ, then n steps of θ at fixed λ."""

from vaerun.amortizer.base import Amortizer
from vaerun.bound.bound import Bound
from vaerun.errors import UserError
from vaerun.notation import Batch, Estimate
from vaerun.schedule.base import Schedule
from vaerun.strategy.base import MakeOptimizer
from vaerun.strategy.encoded import Encoded


class Alternating(Encoded):
    """λ maximises Σ_i L(x_i; θ, f_λ(x_i)) for m steps, then θ for n steps, on one batch with fresh samples.

    m and n follow schedules over the epochs; they are rounded at each batch and are at least 1. The shared weights of
    the family and the weights of the estimator are updated with λ. Adam counts the steps of λ and θ separately.

    Args:
        bound: L(x; θ, φ).
        amortizer: f_λ.
        optimizer: makes the optimiser of θ and λ.
        lam_schedule: m over the epochs.
        theta_schedule: n over the epochs.

    Raises:
        UserError: a schedule starts below 1 step.

    Reference: Dempster, Laird, Rubin 1977 (EM as the limit of large m and n); Neal, Hinton 1998, A view of the EM
    algorithm that justifies incremental, sparse, and other variants.
    """

    def __init__(
        self,
        *,
        bound: Bound,
        amortizer: Amortizer,
        optimizer: MakeOptimizer,
        lam_schedule: Schedule,
        theta_schedule: Schedule,
    ) -> None:
        super().__init__(bound=bound, amortizer=amortizer, optimizer=optimizer)
        for name, schedule in (("lam_schedule", lam_schedule), ("theta_schedule", theta_schedule)):
            if schedule.at(0.0) < 0.5:
                raise UserError(f"strategy.{name} must start at 1 step or more, got {schedule.at(0.0):g}.")
        self.lam_schedule, self.theta_schedule = lam_schedule, theta_schedule

    def step(self, batch: Batch) -> Estimate:
        for _ in range(rounded(self.lam_schedule)):
            self.lam_step(batch)
        phi = self.encode(batch)
        for _ in range(rounded(self.theta_schedule)):
            estimate = self.theta_step(batch, phi)
        return estimate


def rounded(schedule: Schedule) -> int:
    """The present value of the schedule, rounded to a number of steps, at least 1."""
    return max(1, int(schedule.now + 0.5))

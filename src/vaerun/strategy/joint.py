"""θ and φ_i in one gradient step: m φ-steps for n θ-steps."""

from collections.abc import Mapping
from typing import ClassVar

from vaerun.bound.bound import Bound
from vaerun.config.ranges import at_least
from vaerun.local.solver import LocalSolver
from vaerun.metric.metric import Chart, Metric
from vaerun.notation import Batch, Estimate
from vaerun.strategy.base import MakeOptimizer
from vaerun.strategy.per_point import PerPoint
from vaerun.strategy.phi_init.base import PhiInit

GRADIENT_NORM_PHI = Metric(
    "gradient_norm_phi",
    "not a bound: norm of the gradient of a point's bound in φ, mean over points",
    chart=Chart("Gradient norms", "phi, mean over points"),
)


class Joint(PerPoint):
    """(θ, φ_i) ← (θ, φ_i) + ∇_{θ,φ_i} L(x_i; θ, φ_i): one gradient updates θ and φ_i together, exactly so at m = n = 1.

    In general, a visit takes m − 1 steps of φ alone, one step of both, and n − 1 steps of θ alone.

    Args:
        bound: L(x; θ, φ).
        solver: updates φ_i, and finds φ of points that are not used in training.
        optimizer: makes the optimiser of θ.
        num_points: N of each split, by name.
        phi_init: the initial φ of a visit.
        phi_steps: m.
        theta_steps: n.
        test_steps: the step limit of the solver for points that are not used in training.
        phi_memory: where Φ is: ram, map or auto.

    Raises:
        UserError: a number of steps is below 1.

    Reference: Hoffman et al. 2013, Stochastic variational inference, §2 (local and global parameters; here both are
    updated by gradients).
    """

    metrics: ClassVar[tuple[Metric, ...]] = (*PerPoint.metrics, GRADIENT_NORM_PHI)

    def __init__(
        self,
        *,
        bound: Bound,
        solver: LocalSolver,
        optimizer: MakeOptimizer,
        num_points: Mapping[str, int],
        phi_init: PhiInit,
        phi_steps: int = 1,
        theta_steps: int = 1,
        test_steps: int = 500,
        phi_memory: str = "auto",
    ) -> None:
        super().__init__(
            bound=bound,
            solver=solver,
            optimizer=optimizer,
            num_points=num_points,
            phi_init=phi_init,
            test_steps=test_steps,
            phi_memory=phi_memory,
        )
        at_least("strategy.phi_steps", phi_steps, 1)
        at_least("strategy.theta_steps", theta_steps, 1)
        self.phi_steps, self.theta_steps = phi_steps, theta_steps

    def gradients_per_step(self) -> int:
        return self.phi_steps + self.theta_steps - 1

    def step(self, batch: Batch) -> Estimate:
        start = self.begin(batch)
        phi, state = start.phi, start.state
        for _ in range(self.phi_steps - 1):
            phi, state = self.solver.step(batch.x, phi, state)
        estimate, _, gradient = self.gradient_step(self.shared, batch.x, phi, in_phi=True)
        assert gradient is not None
        step, state = self.solver.optimizer.update(gradient, state, self.bound.family.scale(phi))
        phi = phi + step
        self.table("train").write(batch.index, phi, state)
        for _ in range(self.theta_steps - 1):
            estimate = self.gradient_step(self.bound, batch.x, phi).estimate
        self.decoder_evaluations += self.gradients_per_step() * len(batch.x) * self.bound.decodes
        return estimate._replace(
            diagnostics={**estimate.diagnostics, "gradient_norm_phi": gradient.norm(dim=1), **start.diagnostics}
        )

"""φ_i ← argmax_φ L(x_i; θ, φ) at fixed θ, then θ steps at fixed φ."""

from collections.abc import Mapping

from vaerun.bound.bound import Bound
from vaerun.config.ranges import at_least
from vaerun.local.solver import LocalSolver
from vaerun.notation import Batch, Estimate
from vaerun.strategy.base import MakeOptimizer
from vaerun.strategy.per_point import PerPoint, effort
from vaerun.strategy.phi_init.base import PhiInit


class Coordinate(PerPoint):
    """Coordinate ascent: raise L(x_i; θ, φ_i) in φ_i until it no longer improves, then step θ at the φ_i* found.

    A point stops by itself, when a window of steps no longer gains, or at ``max_steps``; its next visit goes on from
    there.

    Args:
        bound: L(x; θ, φ).
        solver: φ* ≈ argmax_φ L(x; θ, φ).
        optimizer: makes θ's optimiser.
        num_points: N of each split, by name.
        phi_init: where a point's ascent starts.
        max_steps: φ-steps a point takes at most at one visit.
        theta_steps: θ-steps after them, each with fresh samples.
        test_steps: the solver's limit for a point that is not trained on.

    Raises:
        UserError: a number of steps is below 1.

    Reference: Jordan et al. 1999, An introduction to variational methods, §6 (variational EM); Hoffman et al. 2013.
    """

    def __init__(
        self,
        *,
        bound: Bound,
        solver: LocalSolver,
        optimizer: MakeOptimizer,
        num_points: Mapping[str, int],
        phi_init: PhiInit,
        max_steps: int = 20,
        theta_steps: int = 1,
        test_steps: int = 500,
    ) -> None:
        super().__init__(
            bound=bound,
            solver=solver,
            optimizer=optimizer,
            num_points=num_points,
            phi_init=phi_init,
            test_steps=test_steps,
        )
        at_least("strategy.max_steps", max_steps, 1)
        at_least("strategy.theta_steps", theta_steps, 1)
        self.max_steps, self.theta_steps = max_steps, theta_steps

    def step(self, batch: Batch) -> Estimate:
        start = self.begin(batch)
        solution = self.solver(batch.x, start.phi, start.state, max_steps=self.max_steps, cuts=0)
        self.table("train").write(batch.index, solution.phi, solution.state)
        for t in range(self.theta_steps):
            estimate = self.gradient_step(self.shared if t == 0 else self.bound, batch.x, solution.phi).estimate
        self.decoder_evaluations += solution.decoder_evaluations + self.theta_steps * len(batch.x) * self.bound.decodes
        return estimate._replace(diagnostics={**estimate.diagnostics, **effort(solution), **start.diagnostics})

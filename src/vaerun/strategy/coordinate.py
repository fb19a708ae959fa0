"""φ_i ← argmax_φ L(x_i; θ, φ) at fixed θ, then θ steps at fixed φ."""

from collections.abc import Mapping
from typing import ClassVar

from vaerun.bound.bound import Bound
from vaerun.config.ranges import at_least
from vaerun.local.solver import LocalSolver
from vaerun.notation import Batch, Estimate
from vaerun.strategy.base import MakeOptimizer
from vaerun.strategy.per_point import PerPoint
from vaerun.strategy.phi_init.base import PhiInit


class Coordinate(PerPoint):
    """φ_i ← argmax_φ L(x_i; θ, φ) at fixed θ, then gradient steps of θ at fixed φ_i: coordinate ascent.

    The steps of a point stop when little is left to gain, when a window of them lost, or at ``max_steps``. Its next
    visit starts from the φ_i that was found.

    Args:
        bound: L(x; θ, φ).
        solver: φ* ≈ argmax_φ L(x; θ, φ).
        optimizer: makes the optimiser of θ.
        num_points: N of each split, by name.
        phi_init: the initial φ of a visit.
        max_steps: the largest number of φ-steps of a point at one visit.
        theta_steps: θ-steps after them, each with fresh samples.
        test_steps: the step limit of the solver for points that are not used in training.
        phi_memory: where Φ is: ram, map or auto.

    Raises:
        UserError: a number of steps is below 1.

    Reference: Jordan et al. 1999, An introduction to variational methods, §6 (variational EM); Hoffman et al. 2013.
    """

    ascends_at_visits: ClassVar[bool] = True

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
        at_least("strategy.max_steps", max_steps, 1)
        at_least("strategy.theta_steps", theta_steps, 1)
        self.max_steps, self.theta_steps = max_steps, theta_steps

    def gradients_per_step(self) -> int:
        return self.max_steps + self.theta_steps

    def step(self, batch: Batch) -> Estimate:
        start = self.begin(batch)
        solution = self.solver(batch.x, start.phi, start.state, max_steps=self.max_steps, cuts=0)
        self.table("train").write(batch.index, solution.phi, solution.state)
        for t in range(self.theta_steps):
            estimate = self.gradient_step(self.shared if t == 0 else self.bound, batch.x, solution.phi).estimate
        self.decoder_evaluations += solution.decoder_evaluations + self.theta_steps * len(batch.x) * self.bound.decodes
        # Whether a point has converged is measured at validation: the samples of one visit are too few to tell.
        inner_steps = {"inner_steps": solution.steps.to(batch.x.dtype)}
        return estimate._replace(diagnostics={**estimate.diagnostics, **inner_steps, **start.diagnostics})

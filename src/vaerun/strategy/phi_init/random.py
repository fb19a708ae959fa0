"""φ^(0) = the best of several maximisations from random initial φ, at the first visit of a point."""

from typing import ClassVar

import torch
from torch import Tensor

from vaerun.config.ranges import above, at_least
from vaerun.execution.random_state import isolated
from vaerun.local.optimizer.base import LocalState, gather, scatter
from vaerun.local.solver import LocalSolver
from vaerun.metric.metric import Chart, Metric
from vaerun.strategy.metrics import INFERENCE
from vaerun.strategy.phi_init.base import InitialPhi, PhiInit

RESTART_GAIN = Metric(
    "restart_gain",
    "not a bound: bound of the best of several ascents − bound of the first, mean over points",
    "nat",
    chart=Chart(INFERENCE, "gain by restarts"),
)


class RandomInit(PhiInit):
    """φ^(0) = the best result of R + 1 maximisations of L: from the family's φ°, and R times from φ° + s ε.

    This is done at the first training visit, at the first validation and for every new point; later visits start at the
    stored φ_i. The best candidate has the highest bound, at KL weight 1, on fresh samples that all candidates share.
    The metric ``restart_gain`` is the bound of the best candidate minus that from φ°. It uses a second set of samples,
    so that the selection does not bias it; it is 0 at later visits.

    Args:
        solver: maximises L in φ.
        restarts: R.
        scale: s, in units of φ.
        steps: the step limit of each maximisation.
        num_samples: estimates of the bound of each candidate.

    Raises:
        UserError: a number is below 1, or s ≤ 0.

    Reference: Martí 2003, Multi-start methods.
    """

    metrics: ClassVar[tuple[Metric, ...]] = (RESTART_GAIN,)

    def __init__(
        self, *, solver: LocalSolver, restarts: int = 4, scale: float = 1.0, steps: int = 100, num_samples: int = 32
    ) -> None:
        super().__init__()
        at_least("strategy.phi_init.restarts", restarts, 1)
        above("strategy.phi_init.scale", scale, 0)
        at_least("strategy.phi_init.steps", steps, 1)
        at_least("strategy.phi_init.num_samples", num_samples, 1)
        self.solver = solver
        self.restarts, self.scale, self.steps, self.num_samples = restarts, scale, steps, num_samples

    @torch.no_grad()
    def forward(self, x: Tensor, phi: Tensor, state: LocalState, new: Tensor) -> InitialPhi:
        solver = self.solver
        gain = x.new_zeros(len(x))
        rows = new.nonzero().squeeze(1)
        if len(rows) == 0:
            return InitialPhi(phi, state, diagnostics={"restart_gain": gain})
        some, start, fresh = x.index_select(0, rows), phi.index_select(0, rows), gather(state, rows)
        starts = [start, *(start + self.scale * torch.randn_like(start) for _ in range(self.restarts))]
        solutions = [solver(some, candidate, fresh, max_steps=self.steps) for candidate in starts]
        bounds = self.bounds(some, [solution.phi for solution in solutions])
        best = bounds.argmax(0)
        again = self.bounds(some, [solution.phi for solution in solutions])
        place = torch.arange(len(rows), device=x.device)
        gain.index_copy_(0, rows, again[best, place] - again[0])
        phi = phi.index_copy(0, rows, torch.stack([solution.phi for solution in solutions])[best, place])
        fields = zip(*(solution.state for solution in solutions), strict=True)
        state = type(state)(*(field.clone() for field in state))
        scatter(state, rows, type(state)(*(torch.stack(field)[best, place] for field in fields)))
        judged = 2 * len(starts) * len(rows) * self.num_samples * solver.bound.objective.num_samples
        solved = sum(solution.decoder_evaluations for solution in solutions)
        return InitialPhi(phi, state, decoder_evaluations=solved + judged, diagnostics={"restart_gain": gain})

    def bounds(self, x: Tensor, candidates: list[Tensor]) -> Tensor:
        """The bound of each candidate at each point, on the same samples for all candidates, Float[Tensor, "R B"]."""
        solver = self.solver
        k, seed = solver.bound.objective.num_samples, int(torch.randint(2**62, ()))
        values = []
        for phi in candidates:
            with isolated(seed, x.device):
                r = solver.bound.rewards(x, phi, k * self.num_samples)
            values.append(solver.bound.objective(r.reshape(k, -1)).reshape(self.num_samples, len(x)).mean(0))
        return torch.stack(values)

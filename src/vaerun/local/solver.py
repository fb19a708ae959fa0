"""φ* ≈ argmax_φ L(x; θ, φ) for every point of a batch at fixed θ, with a stopping rule for each point."""

from typing import NamedTuple, final

import torch
from torch import Tensor

from vaerun.bound.bound import Bound
from vaerun.bound.value_and_grad import PhiGradient
from vaerun.config.ranges import at_least
from vaerun.execution.engine.base import Program
from vaerun.local.gain_left import GainLeft
from vaerun.local.optimizer.base import LocalOptimizer, LocalState, gather, scatter
from vaerun.posterior.base import Family

LOSS = 0.1  # nats per window; a point that loses more takes steps that are too long for their noise
STRICT = 4  # times the tolerance, per window: the limit where it is lower and steps are not shortened by themselves


class Solution(NamedTuple):
    """The result of maximising L in φ, for each point."""

    phi: Tensor  # Float[Tensor, "B P"]
    state: LocalState  # of the per-point optimiser
    steps: Tensor  # Int[Tensor, "B"]: steps taken
    converged: Tensor  # Bool[Tensor, "B"]: what is left to gain is below the tolerance
    left: Tensor  # Float[Tensor, "B"]: what is left to gain in nats, estimated with its noise
    decoder_evaluations: int  # the cost, summed over all points


@final
class LocalSolver:
    """φ* ≈ argmax_φ L(x; θ, φ) by stochastic gradient ascent, for all points of a batch at once.

    Two quantities of a point are estimated without additional evaluations. The first is what is left to gain, as
    ``GainLeft`` states: a point with less than ``tolerance`` left has converged and leaves the batch; the length of its
    steps plays no part. The second is the gain of a step, ⟨∇L(φ_{t+1}), φ_{t+1} − φ_t⟩, to first order the increase of
    L; it is unbiased, because the gradient uses fresh samples. If a point loses more than 0.1 nat in a window, its
    steps are too long for their noise and are divided by 3; where the optimiser does not shorten its steps by itself,
    a tolerance above 0 lowers this limit to 4 tolerances. After more than ``cuts`` such losses, the point leaves the
    batch without having converged. A rule on the batch's mean would continue with points that have converged and stop
    points that have not.

    Args:
        bound: L.
        optimizer: the per-point optimiser, which turns a gradient into a step.
        window: steps between two checks of a point.
        tolerance: nats; a point with less left to gain has converged; with 0, no point converges.
        cuts: how often the steps of a point are divided by 3 before it leaves; a caller can override it.

    Raises:
        UserError: ``window`` < 2, ``tolerance`` < 0 or ``cuts`` < 0.

    Reference: Pflug 1990, Non-asymptotic confidence bounds for stochastic approximation algorithms with constant step
    size (shorter steps when successive gradients no longer agree).
    """

    def __init__(
        self,
        *,
        bound: Bound,
        optimizer: LocalOptimizer,
        window: int = 20,
        tolerance: float = 0.025,
        cuts: int = 4,
    ) -> None:
        at_least("local.window", window, 2)
        at_least("local.tolerance", tolerance, 0)
        at_least("local.cuts", cuts, 0)
        self.bound = bound
        self.optimizer = optimizer
        self.window, self.tolerance, self.cuts = window, tolerance, cuts
        self.phi_gradient = PhiGradient.of(bound)

    def over(self, bound: Bound) -> "LocalSolver":
        """A solver with the same settings for another bound."""
        return LocalSolver(
            bound=bound,
            optimizer=self.optimizer,
            window=self.window,
            tolerance=self.tolerance,
            cuts=self.cuts,
        )

    def gradient(self, x: Tensor, phi: Tensor) -> Tensor:
        """An estimate of ∇_φ L(x_i; θ, φ_i) for each point at fixed θ, Float[Tensor, "B P"]."""
        return self.bound.engine(self.phi_gradient, x, phi)

    def step(self, x: Tensor, phi: Tensor, state: LocalState) -> tuple[Tensor, LocalState]:
        """φ + Δφ: one ascent step for every point, and the new state of the optimiser."""
        step, state = self.optimizer.update(self.gradient(x, phi), state, self.bound.family.scale(phi))
        return phi + step, state

    def unroll(self, x: Tensor, phi: Tensor, steps: int) -> Tensor:
        """φ after ``steps`` steps from ``phi``, Float[Tensor, "B P"], differentiable in the initial φ and in θ."""
        with torch.enable_grad():
            phi = phi if phi.requires_grad else phi.clone().requires_grad_()
            state = self.optimizer.init(phi.detach())
            for _ in range(steps):
                (gradient,) = torch.autograd.grad(self.bound(x, phi).surrogate.sum(), phi, create_graph=True)
                step, state = self.optimizer.update(gradient, state, self.bound.family.scale(phi.detach()))
                phi = phi + step
        return phi

    @torch.no_grad()
    def __call__(
        self,
        x: Tensor,
        phi: Tensor,
        state: LocalState,
        *,
        max_steps: int,
        cuts: int | None = None,
        mean_tolerance: float = 0.0,
    ) -> Solution:
        """Maximises L from ``phi`` until each point has left or taken ``max_steps`` steps.

        Args:
            x: Float[Tensor, "B X"].
            phi: the initial φ, Float[Tensor, "B P"].
            state: of the per-point optimiser, for these points.
            max_steps: the step limit of each point.
            cuts: overrides the value of the solver.
            mean_tolerance: nats; the ascent also ends when the mean over all points of what is left to gain is below
                it, although single points may have more left.
        """
        cuts = self.cuts if cuts is None else cuts
        solution, gain_left = unsolved(phi, state), GainLeft(phi, self.window)
        active, losses = torch.arange(len(x), device=x.device), torch.zeros_like(solution.steps)
        # Steps of a fixed length keep an error that is above a small tolerance; without one, noise is no loss.
        strict = self.tolerance > 0 and not self.optimizer.adaptive
        limit = min(LOSS, STRICT * self.tolerance) if strict else LOSS
        decoder_evaluations = 0
        for start in range(0, max_steps, self.window):
            count = min(self.window, max_steps - start)
            gain, total, off, inverse_fisher = self.advance(x, solution, active, losses, count)
            decoder_evaluations += self.bound.engine.rows(len(active), len(x)) * count * self.bound.decodes
            left = gain_left(active, count, total, off, inverse_fisher)
            solution.left.index_copy_(0, active, left)
            solution.converged.index_copy_(0, active, left < self.tolerance)
            if count > 1:
                losses.index_add_(0, active, (gain < -limit).to(losses.dtype))
            if start + count < max_steps:
                if mean_tolerance > 0 and float(solution.left.mean()) < mean_tolerance:
                    break
                stays = ~solution.converged & (losses <= cuts)
                active = active[stays.index_select(0, active)]
                if len(active) == 0:
                    break
        return solution._replace(decoder_evaluations=decoder_evaluations)

    def advance(
        self, x: Tensor, solution: Solution, active: Tensor, losses: Tensor, count: int
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """``count`` steps of the points at ``active``, written into ``solution``.

        Returns:
            gain in nats Float[Tensor, "A"]; Σ_t ∇L, φ − φ̄ and the diagonal of F⁻¹, each Float[Tensor, "A P"].
        """
        few = len(active)
        rows = self.bound.engine.rows(few, len(x))
        taken = torch.cat((active, active[:1].expand(rows - few)))  # padded: the first active point is repeated
        phi, state, gain, total, centre = self.take_steps(
            x.index_select(0, taken),
            solution.phi.index_select(0, taken),
            gather(solution.state, taken),
            3.0 ** -losses.index_select(0, taken).to(solution.phi.dtype).unsqueeze(1),
            count,
        )
        phi = phi[:few]
        solution.phi.index_copy_(0, active, phi)
        scatter(solution.state, active, type(state)(*(field[:few] for field in state)))
        solution.steps.index_add_(0, active, torch.full_like(active, count))
        return gain[:few], total[:few], phi - centre[:few], self.bound.family.inverse_fisher(phi)

    def take_steps(
        self, x: Tensor, phi: Tensor, state: LocalState, factor: Tensor, count: int
    ) -> tuple[Tensor, LocalState, Tensor, Tensor, Tensor]:
        """``count`` steps, each multiplied by ``factor`` Float[Tensor, "B 1"].

        Returns:
            φ, state, gain in nats Float[Tensor, "B"], Σ_t ∇L and the mean φ of the steps, each Float[Tensor, "B P"].
        """
        gain, total = torch.zeros(len(x), dtype=phi.dtype, device=x.device), torch.zeros_like(phi)
        centre = torch.zeros_like(phi)
        step = torch.zeros_like(phi)
        parts = (self.optimizer, type(state))
        inner_step = self.bound.program(
            (InnerStep, *parts), lambda: InnerStep(self.phi_gradient, self.bound.family, *parts)
        )
        for _ in range(count):
            sums = (gain, total, centre)
            phi, step, (gain, total, centre), state = self.bound.engine(inner_step, x, phi, step, *sums, factor, *state)
        return phi, state, gain, total, centre / count


class InnerStep(Program):
    """(x, φ, last step Δ, sums, factor, state) ↦ (φ + step, step, sums + (⟨∇L, Δ⟩, ∇L, φ), state), for each point.

    Args:
        phi_gradient: ∇_φ L.
        family: states the scale of φ.
        optimizer: gradient ↦ step.
        state_type: the NamedTuple of its state.
    """

    def __init__(self, phi_gradient: PhiGradient, family: Family, optimizer: LocalOptimizer, state_type: type) -> None:
        super().__init__(phi_gradient.module)
        self.phi_gradient, self.family = phi_gradient, family
        self.optimizer, self.state_type = optimizer, state_type

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor, Tensor], LocalState]:
        x, phi, step, gain, total, centre, factor, *fields = inputs
        gradient = self.phi_gradient(x, phi)
        sums = (gain + (gradient * step).sum(1), total + gradient, centre + phi)
        step, state = self.optimizer.update(gradient, self.state_type(*fields), self.family.scale(phi))
        step = factor * step
        return phi + step, step, sums, self.optimizer.shortened(state, factor)


def unsolved(phi: Tensor, state: LocalState) -> Solution:
    """Copies of φ and of the state, before the first step."""
    steps = torch.zeros(len(phi), dtype=torch.int64, device=phi.device)
    copied = type(state)(*(field.clone() for field in state))
    return Solution(phi.clone(), copied, steps, steps.bool(), phi.new_full((len(phi),), torch.inf), 0)

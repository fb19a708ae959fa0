"""φ* ≈ argmax_φ L(x; θ, φ) for every point of a batch at fixed θ, with a stopping rule for each point."""

from typing import NamedTuple, final

import torch
from torch import Tensor

from vaerun.bound.bound import Bound
from vaerun.bound.value_and_grad import PhiGradient
from vaerun.config.ranges import at_least
from vaerun.execution.engine.base import Program
from vaerun.local.optimizer.base import LocalOptimizer, LocalState, gather, scatter


class Solution(NamedTuple):
    """The result of maximising L in φ, for each point."""

    phi: Tensor  # Float[Tensor, "B P"]
    state: LocalState  # of the per-point optimiser
    steps: Tensor  # Int[Tensor, "B"]: steps taken
    converged: Tensor  # Bool[Tensor, "B"]: stopped because the bound no longer improved, not at the step limit
    decoder_evaluations: int  # the cost, summed over all points


@final
class LocalSolver:
    """φ* ≈ argmax_φ L(x; θ, φ) by stochastic gradient ascent, for all points of a batch at once.

    The gain of a point is estimated without additional evaluations: ⟨∇L(φ_{t+1}), φ_{t+1} − φ_t⟩ is, to first order,
    the increase of L along the last step. It is unbiased, because the gradient uses fresh samples. The solver sums them
    over ``window`` steps. If a point gains less than ``tolerance``, its step size is divided by 3. After ``cuts``
    such divisions the point has converged and leaves the batch. A rule on the batch's mean would continue with points
    that have converged and stop points that have not.

    Args:
        bound: L.
        optimizer: the per-point optimiser, which turns a gradient into a step.
        window: steps between two checks of the gain.
        tolerance: gain in nats per window below which the step size is divided by 3.
        cuts: how often the step size is divided before a point has converged; a caller can override it.

    Raises:
        UserError: ``window`` < 2 or ``cuts`` < 0.

    Reference: Pflug 1990, Non-asymptotic confidence bounds for stochastic approximation algorithms with constant step
    size (stop when successive gradients no longer agree).
    """

    def __init__(
        self, *, bound: Bound, optimizer: LocalOptimizer, window: int = 20, tolerance: float = 0.01, cuts: int = 4
    ) -> None:
        at_least("local.window", window, 2)
        at_least("local.cuts", cuts, 0)
        self.bound = bound
        self.optimizer = optimizer
        self.window, self.tolerance, self.cuts = window, tolerance, cuts
        self.phi_gradient = PhiGradient(bound)
        self.inner_steps: dict[tuple[LocalOptimizer, type], InnerStep] = {}

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
        step, state = self.optimizer.update(self.gradient(x, phi), state)
        return phi + step, state

    def unroll(self, x: Tensor, phi: Tensor, steps: int) -> Tensor:
        """φ after ``steps`` steps from ``phi``, Float[Tensor, "B P"], differentiable in the initial φ and in θ."""
        with torch.enable_grad():
            phi = phi if phi.requires_grad else phi.clone().requires_grad_()
            state = self.optimizer.init(phi.detach())
            for _ in range(steps):
                (gradient,) = torch.autograd.grad(self.bound(x, phi).surrogate.sum(), phi, create_graph=True)
                step, state = self.optimizer.update(gradient, state)
                phi = phi + step
        return phi

    @torch.no_grad()
    def __call__(
        self, x: Tensor, phi: Tensor, state: LocalState, *, max_steps: int, cuts: int | None = None
    ) -> Solution:
        """Maximises L from ``phi`` until each point has converged or taken ``max_steps`` steps.

        Args:
            x: Float[Tensor, "B X"].
            phi: the initial φ, Float[Tensor, "B P"].
            state: of the per-point optimiser, for these points.
            max_steps: the step limit of each point.
            cuts: overrides the value of the solver.
        """
        cuts = self.cuts if cuts is None else cuts
        solution = Solution(
            phi.clone(),
            type(state)(*(field.clone() for field in state)),
            torch.zeros(len(x), dtype=torch.int64, device=x.device),
            torch.zeros(len(x), dtype=torch.bool, device=x.device),
            0,
        )
        active = torch.arange(len(x), device=x.device)
        plateaus = torch.zeros(len(x), dtype=torch.int64, device=x.device)
        decoder_evaluations = 0
        for start in range(0, max_steps, self.window):
            count = min(self.window, max_steps - start)
            left = len(active)
            rows = self.bound.engine.rows(left, len(x))
            taken = torch.cat((active, active[:1].expand(rows - left)))  # padded: the first active point is repeated
            scale = 3.0 ** -plateaus.index_select(0, taken).to(phi.dtype).unsqueeze(1)
            now, now_state, gain = self.take_steps(
                x.index_select(0, taken),
                solution.phi.index_select(0, taken),
                gather(solution.state, taken),
                scale,
                count,
            )
            gain = gain[:left]
            solution.phi.index_copy_(0, active, now[:left])
            scatter(solution.state, active, type(now_state)(*(field[:left] for field in now_state)))
            solution.steps.index_add_(0, active, torch.full_like(active, count))
            decoder_evaluations += rows * count * self.bound.decodes
            if count > 1:
                plateaus.index_add_(0, active, (gain < self.tolerance).to(plateaus.dtype))
            solution.converged.copy_(plateaus > cuts)
            if start + count < max_steps:
                active = active[~solution.converged.index_select(0, active)]
                if len(active) == 0:
                    break
        return solution._replace(decoder_evaluations=decoder_evaluations)

    def take_steps(
        self, x: Tensor, phi: Tensor, state: LocalState, scale: Tensor, count: int
    ) -> tuple[Tensor, LocalState, Tensor]:
        """``count`` steps scaled by ``scale`` Float[Tensor, "B 1"]: (φ, state, gain in nats Float[Tensor, "B"])."""
        gain = torch.zeros(len(x), dtype=phi.dtype, device=x.device)
        step = torch.zeros_like(phi)
        key = (self.optimizer, type(state))
        inner_step = self.inner_steps.setdefault(key, InnerStep(self.phi_gradient, *key))
        for _ in range(count):
            phi, step, gain, state = self.bound.engine(inner_step, x, phi, step, gain, scale, *state)
        return phi, state, gain


class InnerStep(Program):
    """(x, φ, last step, gain, scale, state) ↦ (φ + step, step, gain + ⟨∇L, last step⟩, state), for each point.

    Args:
        phi_gradient: ∇_φ L.
        optimizer: gradient ↦ step.
        state_type: the NamedTuple of its state.
    """

    def __init__(self, phi_gradient: PhiGradient, optimizer: LocalOptimizer, state_type: type) -> None:
        super().__init__(phi_gradient.module)
        self.phi_gradient, self.optimizer, self.state_type = phi_gradient, optimizer, state_type

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, Tensor, Tensor, LocalState]:
        x, phi, step, gain, scale, *fields = inputs
        gradient = self.phi_gradient(x, phi)
        gain = gain + (gradient * step).sum(1)
        step, state = self.optimizer.update(gradient, self.state_type(*fields))
        step = scale * step
        return phi + step, step, gain, self.optimizer.shortened(state, scale)

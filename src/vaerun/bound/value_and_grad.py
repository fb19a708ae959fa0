"""(L̂, ∇L̂): an estimate of the bound and its gradients, as one program for the engines."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from vaerun.bound.bound import Bound
from vaerun.execution.engine.base import Program
from vaerun.notation import Estimate
from vaerun.optimizer.base import TraceableOptimizer


class Gradients(NamedTuple):
    """An estimate and its gradients: of the loss in the weights, and of the bound in φ."""

    estimate: Estimate
    weights: Sequence[Tensor | None]  # gradient of the loss: auxiliary − mean_i surrogate_i
    phi: Tensor | None  # gradient of the SUM Σ_i surrogate_i, Float[Tensor, "B P"]


class ValueAndGrad(Program):
    """inputs ↦ (L̂, ∇_{θ,λ} of −mean_i L̂_i, ∇_φ of Σ_i L̂_i), in one backward pass.

    Args:
        module: contains all parameters and buffers of ``function``.
        function: (x, …) ↦ Estimate.
        weights: the parameters for the gradient of the mean.
        in_phi: whether the last input is φ, for the gradient of the sum.
    """

    def __init__(
        self,
        module: nn.Module,
        function: Callable[..., Estimate],
        weights: Sequence[nn.Parameter],
        *,
        in_phi: bool = False,
    ) -> None:
        super().__init__(module)
        self.function, self.weights, self.in_phi = function, list(weights), in_phi

    def __call__(self, *inputs: Tensor) -> Gradients:
        with torch.enable_grad():
            *given, last = inputs
            last = last.detach().requires_grad_() if self.in_phi else last
            estimate = self.function(*given, last)
            loss = estimate.auxiliary - estimate.surrogate.mean()
            leaves = [last] if self.in_phi else []
            gradients = list(torch.autograd.grad(loss, [*self.weights, *leaves], allow_unused=True))
        phi = gradients.pop() if self.in_phi else None
        return Gradients(detached(estimate), gradients, None if phi is None else -len(estimate.value) * phi)


class TrainStep(Program):
    """(α, inputs …) ↦ Gradients, followed by one optimiser step with step size α on the weights.

    In one program, a compiler can fuse the optimiser with the computation of the gradients.

    Args:
        value_and_grad: inputs ↦ Gradients.
        optimizer: of the weights of ``value_and_grad``.
    """

    def __init__(self, value_and_grad: ValueAndGrad, optimizer: TraceableOptimizer) -> None:
        super().__init__(value_and_grad.module)
        self.value_and_grad, self.optimizer = value_and_grad, optimizer

    @property
    def changes(self) -> list[Tensor]:
        return [
            *super().changes,
            *self.value_and_grad.weights,
            *self.optimizer.state_tensors(self.value_and_grad.weights),
        ]

    def __call__(self, *inputs: Tensor) -> Gradients:
        rate, *given = inputs
        result = self.value_and_grad(*given)
        self.optimizer.move(self.value_and_grad.weights, result.weights, rate)
        return result


class PhiGradient(Program):
    """(x, φ) ↦ ∇_φ Σ_i L̂(x_i; θ, φ_i), Float[Tensor, "B P"], at fixed θ.

    Args:
        bound: L.
    """

    def __init__(self, bound: Bound) -> None:
        super().__init__(bound)
        self.bound = bound

    @classmethod
    def of(cls, bound: Bound) -> "PhiGradient":
        """That of the bound, the same at each call."""
        program = bound.program(cls, lambda: cls(bound))
        assert isinstance(program, cls)
        return program

    def __call__(self, *inputs: Tensor) -> Tensor:
        x, phi = inputs
        with torch.enable_grad():
            leaf = phi.detach().requires_grad_()
            # The sum, not the mean: the step of a point must not depend on the batch size.
            (gradient,) = torch.autograd.grad(self.bound.phi_surrogate(x, leaf).sum(), leaf)
        return gradient


def detached(estimate: Estimate) -> Estimate:
    """The estimate without its graph."""
    return estimate._replace(
        surrogate=estimate.surrogate.detach(),
        auxiliary=estimate.auxiliary.detach(),
        diagnostics=dict(estimate.diagnostics),
    )

"""∇L: an estimate of the bound together with its gradients, as one program."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from vaerun.execution.engine.base import Program
from vaerun.notation import Estimate
from vaerun.optimizer.base import TraceableOptimizer


class Gradients(NamedTuple):
    """An estimate, and which way is down in the weights and up in φ."""

    estimate: Estimate
    weights: Sequence[Tensor | None]  # gradient of the loss: auxiliary − mean_i surrogate_i
    phi: Tensor | None  # gradient of Σ_i surrogate_i, Float[Tensor, "B P"]: a row's must not depend on its batch


class ValueAndGrad(Program):
    """inputs ↦ (L̂, ∇_θ,λ of the mean, ∇_φ of the sum), in one backward pass.

    Args:
        module: holds all that ``function`` reads.
        function: (x, …) ↦ Estimate.
        weights: what the mean is differentiated in.
        in_phi: whether the last input is φ, and the sum is differentiated in it.
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
    """(α, inputs …) ↦ Gradients at the weights as they are, which a step of their optimiser then moves.

    A compiler that sees both reads a gradient where it has just been written.

    Args:
        value_and_grad: inputs ↦ Gradients.
        optimizer: of its weights.
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
    """(x, φ) ↦ ∇_φ Σ_i L̂(x_i; θ, φ_i), Float[Tensor, "B P"], θ untouched.

    Args:
        bound: L.
    """

    def __call__(self, *inputs: Tensor) -> Tensor:
        x, phi = inputs
        with torch.enable_grad():
            leaf = phi.detach().requires_grad_()
            # The sum over points: a row's step must not depend on how many others share its batch.
            (gradient,) = torch.autograd.grad(self.module(x, leaf).surrogate.sum(), leaf)
        return gradient


def detached(estimate: Estimate) -> Estimate:
    """The same numbers without their graph."""
    return estimate._replace(
        surrogate=estimate.surrogate.detach(),
        auxiliary=estimate.auxiliary.detach(),
        diagnostics=dict(estimate.diagnostics),
    )

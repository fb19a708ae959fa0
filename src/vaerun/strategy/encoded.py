"""φ = f_λ(x): the common part of strategies with an encoder."""

from abc import ABC
from typing import ClassVar

import torch
from torch import Tensor, nn

from vaerun.amortizer.base import Amortizer
from vaerun.bound.bound import Bound
from vaerun.notation import Batch, Estimate
from vaerun.strategy.base import Inference, MakeOptimizer, Strategy


class AmortizedBound(nn.Module):
    """L(x; θ, f_λ(x)), as a function of x."""

    def __init__(self, bound: Bound, amortizer: Amortizer) -> None:
        super().__init__()
        self.bound = bound
        self.amortizer = amortizer

    def forward(self, x: Tensor) -> Estimate:
        return self.bound(x, self.amortizer(x))


class Encoded(Strategy, ABC):
    """φ_i = f_λ(x_i): an encoder predicts φ, so no φ_i is stored.

    Args:
        bound: L(x; θ, φ).
        amortizer: f_λ.
        optimizer: makes the optimiser of θ and λ.
    """

    per_point: ClassVar[bool] = False

    def __init__(self, *, bound: Bound, amortizer: Amortizer, optimizer: MakeOptimizer) -> None:
        super().__init__(bound=bound, shared=AmortizedBound(bound, amortizer), optimizer=optimizer)
        self.amortizer = amortizer

    @torch.no_grad()
    def infer(self, x: Tensor, index: Tensor | None = None, split: str = "new") -> Inference:
        return Inference(self.amortizer(x))

    def joint_step(self, batch: Batch) -> Estimate:
        """One joint gradient step of θ and λ; adds its evaluations to the counts."""
        result = self.gradient_step(self.shared, batch.x)
        self.count(batch)
        return result.estimate

    def lam_step(self, batch: Batch) -> Estimate:
        """One gradient step of λ at fixed θ; adds its evaluations to the counts."""
        result = self.gradient_step(self.shared, batch.x, weights=self.lam)
        self.count(batch)
        return result.estimate

    def theta_step(self, batch: Batch, phi: Tensor) -> Estimate:
        """One gradient step of θ at fixed φ, Float[Tensor, "B P"]; adds its evaluations to the counts."""
        result = self.gradient_step(self.bound, batch.x, phi, weights=self.theta)
        self.decoder_evaluations += len(batch.x) * self.bound.decodes
        return result.estimate

    def encode(self, batch: Batch) -> Tensor:
        """f_λ(x) without gradient, Float[Tensor, "B P"]; adds its evaluations to the counts."""
        self.encoder_evaluations += len(batch.x)
        with torch.no_grad():
            return self.amortizer(batch.x)

    def count(self, batch: Batch) -> None:
        """Adds one evaluation of L(x; θ, f_λ(x)) over a batch to the counts."""
        self.decoder_evaluations += len(batch.x) * self.bound.decodes
        self.encoder_evaluations += len(batch.x)

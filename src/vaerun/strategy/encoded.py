"""φ = f_λ(x): what strategies that guess φ have in common."""

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
    """An encoder guesses φ = f_λ(x), so that a new point costs one pass through it and nothing is stored.

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
        """One step of θ and λ along one gradient, counted."""
        result = self.gradient_step(self.shared, batch.x)
        self.count(batch)
        return result.estimate

    def lam_step(self, batch: Batch) -> Estimate:
        """One step of λ alone, θ held, counted."""
        result = self.gradient_step(self.shared, batch.x, weights=self.lam)
        self.count(batch)
        return result.estimate

    def theta_step(self, batch: Batch, phi: Tensor) -> Estimate:
        """One step of θ alone at a given φ, Float[Tensor, "B P"], its decoding counted."""
        result = self.gradient_step(self.bound, batch.x, phi, weights=self.theta)
        self.decoder_evaluations += len(batch.x) * self.bound.decodes
        return result.estimate

    def encode(self, batch: Batch) -> Tensor:
        """f_λ(x) without gradient, Float[Tensor, "B P"], counted."""
        self.encoder_evaluations += len(batch.x)
        with torch.no_grad():
            return self.amortizer(batch.x)

    def count(self, batch: Batch) -> None:
        """Books one evaluation of L(x; θ, f_λ(x)) over a batch."""
        self.decoder_evaluations += len(batch.x) * self.bound.decodes
        self.encoder_evaluations += len(batch.x)

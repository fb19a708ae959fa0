"""φ = f_λ(x): one gradient moves θ and λ together."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from vaerun.amortizer.base import Amortizer
from vaerun.bound import Bound
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


class Amortized(Strategy):
    """max_{θ,λ} Σ_i L(x_i; θ, f_λ(x_i)): an encoder guesses φ; a new point costs one pass through it.

    Reference: Kingma, Welling 2014, Auto-encoding variational Bayes, algorithm 1; Rezende et al. 2014.
    """

    per_point: ClassVar[bool] = False

    def __init__(self, *, bound: Bound, amortizer: Amortizer, optimizer: MakeOptimizer) -> None:
        super().__init__(bound=bound, shared=AmortizedBound(bound, amortizer), optimizer=optimizer)
        self.amortizer = amortizer

    @torch.no_grad()
    def infer(self, x: Tensor, index: Tensor | None = None, split: str = "new") -> Inference:
        return Inference(self.amortizer(x))

    def step(self, batch: Batch) -> Estimate:
        estimate = self.shared(batch.x)
        self.ascend(estimate)
        self.decoder_evaluations += len(batch.x) * self.bound.decodes
        self.encoder_evaluations += len(batch.x)
        return estimate

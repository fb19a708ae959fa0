"""What is left to gain in φ, estimated from the steps of an ascent, without additional evaluations."""

from typing import final

import torch
from torch import Tensor


@final
class GainLeft:
    """½ ḡᵀF⁻¹ḡ + ½ (φ − φ̄)ᵀF(φ − φ̄) nats for each of B points, with F the Fisher information of q.

    φ̄ is the mean φ of the last window, and ḡ the mean gradient of the later half of the steps or less. The first term
    is what a step to the optimum gains from φ̄ if the curvature of L is F; the second is what the noise of the steps
    costs. Noise increases the estimate, so it is rather too large.

    Args:
        phi: the initial φ, Float[Tensor, "B P"].
        window: steps between two estimates.
    """

    def __init__(self, phi: Tensor, window: int) -> None:
        self.slope = torch.zeros_like(phi)  # Σ∇L over the steps since step ``begun``
        self.begun, self.taken, self.restart = 0, 0, window

    def __call__(self, active: Tensor, count: int, total: Tensor, off: Tensor, inverse_fisher: Tensor) -> Tensor:
        """The estimate after ``count`` more steps of A points, Float[Tensor, "A"].

        Args:
            active: their places among the B points, Int[Tensor, "A"].
            count: number of these steps, the same for each of these points.
            total: Σ∇L over these steps, Float[Tensor, "A P"].
            off: φ − φ̄, Float[Tensor, "A P"].
            inverse_fisher: diagonal of F⁻¹, Float[Tensor, "A P"].
        """
        self.taken += count
        self.slope.index_add_(0, active, total)
        mean = self.slope.index_select(0, active) / (self.taken - self.begun)
        left = 0.5 * (inverse_fisher * mean.square() + off.square() / inverse_fisher).sum(1)
        if self.taken >= self.restart:
            self.slope.zero_()
            self.begun, self.restart = self.restart, 2 * self.restart
        return left

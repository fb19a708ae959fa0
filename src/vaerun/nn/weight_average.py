"""w̄_t = d_t w̄_{t−1} + (1 − d_t) w_t: averages of weights over the steps of a training."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class WeightAverage(nn.Module):
    """w̄_t = d_t w̄_{t−1} + (1 − d_t) w_t with d_t = min(decay, 1 − 1/t): the mean of all steps at first, later an EMA.

    w̄_1 = w_1, so the initial weights have no part in it. The averages are buffers, so a checkpoint holds them.

    Args:
        weights: w.
        decay: in [0, 1).

    Reference: Polyak, Juditsky 1992, Acceleration of stochastic approximation by averaging; Kingma, Ba 2015, Adam: a
    method for stochastic optimization, §7.2.
    """

    def __init__(self, weights: Sequence[nn.Parameter], decay: float) -> None:
        super().__init__()
        self.weights, self.decay = tuple(weights), decay
        for place, weight in enumerate(weights):
            self.register_buffer(f"average_{place}", weight.detach().clone())

    @property
    def averages(self) -> list[Tensor]:
        """w̄ of each weight."""
        return list(self.buffers())

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Adds the weights after step t = ``step``, from 1."""
        torch._foreach_lerp_(self.averages, list(self.weights), 1 - min(self.decay, 1 - 1 / step))

    @torch.no_grad()
    def copy_to_weights(self) -> None:
        """w ← w̄."""
        torch._foreach_copy_(list(self.weights), self.averages)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Inside, the weights are their averages."""
        with torch.no_grad():
            before = [weight.detach().clone() for weight in self.weights]
            self.copy_to_weights()
        try:
            yield
        finally:
            with torch.no_grad():
                torch._foreach_copy_(list(self.weights), before)

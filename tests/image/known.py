"""Strategies whose q is known of every x, and pictures whose tiles can be read."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tests.evaluation.given import bound_of
from tests.problems import dataset, linear_gaussian, node, optimal_phi
from vaerun.data.base import Dataset
from vaerun.experiment.make import make
from vaerun.strategy.base import Inference, Strategy


class Known(Strategy):
    """φ = f(x)."""

    per_point = False

    def __init__(self, model: nn.Module, family: nn.Module, f: Callable[[Tensor], Tensor]) -> None:
        bound = bound_of(model, family)
        super().__init__(bound=bound, shared=bound, optimizer=lambda weights: torch.optim.SGD(weights, lr=1.0))
        self.f = f

    def infer(self, x: Tensor, index: Tensor | None = None, split: str = "new") -> Inference:
        return Inference(self.f(x))

    def step(self, batch: Any) -> Any:
        raise NotImplementedError


# Orthogonal columns, so that E_q[z_d] = W_d·(x − μ) / (|W_d|² + σ²); the last latent is idle.
W = torch.tensor([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 0.0], [1.0, 0.0, 0.0]], dtype=torch.float64)
MU = torch.tensor([0.5, -1.0, 0.0, 2.0], dtype=torch.float64)
SIGMA = 0.5


def mean_of_q(x: Tensor, used: int = 3) -> Tensor:
    """E_q[z] of the problem."""
    return (x - MU) @ W[:, :used] / (W[:, :used].square().sum(0) + SIGMA**2)


def problem(n: int = 41, used: int = 3) -> tuple[Strategy, Dataset]:
    """The exact posteriors of a linear-Gaussian model, and n of its points."""
    model = linear_gaussian(W[:, :used], MU, SIGMA)
    strategy = Known(model, make(node("posterior/gaussian"), {"latent_dim": used}), lambda x: optimal_phi(model, x))
    return strategy, dataset(model.sample(n))


def tile(picture: np.ndarray, row: int, column: int) -> np.ndarray:
    """The picture's tile, as 2 x 2 pixels blown up to 28 x 28."""
    top, left = 1 + 29 * row, 1 + 29 * column
    return picture[top : top + 28 : 14, left : left + 28 : 14]

"""What the tests of evaluations evaluate: a strategy whose φ are known, over models whose answers are."""

from typing import Any

import torch
from torch import Tensor, nn

from tests.problems import linear_gaussian, node, objective, optimal_phi
from vaerun.bound.bound import Bound
from vaerun.experiment.make import make
from vaerun.strategy.base import Inference, Strategy


class Given(Strategy):
    """A strategy whose φ are given."""

    per_point = True

    def __init__(self, bound: Bound, phi: Tensor) -> None:
        super().__init__(bound=bound, shared=bound, optimizer=lambda weights: torch.optim.SGD(weights, lr=1.0))
        self.phi = phi

    def infer(self, x: Tensor, index: Tensor | None = None, split: str = "new") -> Inference:
        return Inference(self.phi[index])

    def step(self, batch: Any) -> Any:
        raise NotImplementedError


def bound_of(model: nn.Module, family: nn.Module, *, estimator: str = "score", k: int = 1) -> Bound:
    made = make(node(f"estimator/{estimator}"), {})
    return Bound(model=model, family=family, objective=objective("elbo", k), estimator=made)


def gaussian_problem(*, orthogonal: bool, n: int = 9, estimator: str = "score") -> tuple[Bound, Tensor, Tensor]:
    """A linear-Gaussian bound, points, and the best diagonal φ of each; with orthogonal columns q is the posterior."""
    W = torch.tensor([[1.0, 0.4], [-0.5, 0.8], [0.0, 0.6]])
    if not orthogonal:
        W[2, 0] = 0.9
    model = linear_gaussian(W, torch.zeros(3), 0.4)
    x = model.sample(n)
    family = make(node("posterior/gaussian"), {"latent_dim": 2})
    return bound_of(model, family, estimator=estimator, k=4), x, optimal_phi(model, x)
